"""Rules on form instead of words: chat-template tokens, forged roles, links that carry data out."""

from __future__ import annotations

from sallyport.inspection.rules import DATA_CHANNELS, Rule
from sallyport.model import Channel

_I, _X = "prompt_injection", "exfiltration_link"
_SPOKEN: tuple[Channel, ...] = ("user", "assistant", *DATA_CHANNELS)


def _form(name: str, weight: float, raw: str, *hints: str) -> Rule:
    """A rule on the text's form. Without hints the expression is simple enough to be its own."""
    return Rule(
        id=f"form-{name}",
        type=_I,
        weight=weight,
        raw=raw,
        hints=hints or (raw.removeprefix("(?i)"),),
        channels=_SPOKEN,
    )


def _link(name: str, weight: float, raw: str, *hints: str) -> Rule:
    return Rule(id=f"form-{name}", type=_X, weight=weight, raw=raw, hints=hints, output=True)


RULES = (
    _form("chat-template", 0.85, r"(?i)<\|(?:im_start|im_end|system|assistant|user|start_header_id|eot_id|begin_of_text|start|channel)\|>|<<SYS>>|<start_of_turn>"),
    _form("end-token", 0.5, r"(?i)<\|endoftext\|>|\[/INST\]|</s>|<eot>|<eos>|<\|end\|>"),
    _form("session-end", 0.6, r"(?i)<\s*/?\s*(?:end|start|beginning)\s+of\s+(?:the\s+)?(?:session|conversation|chat|context|prompt|instructions|user\s+input|document|data)\s*>"),
    _form(
        "role-in-brackets",
        0.65,
        r"(?i)[\[<{]{1,2}\s*/?\s*(?:system|admin|administrator|developer|hidden|internal|override|inject|instructions?|assistant)(?:[ _-](?:message|prompt|note|override|instructions?|update|notice|injection|text|directive|alert|command|mode))?\s*(?:[\]>}]{1,2}|:)",
        r"[\[<{]\s*/?\s*(?:system|admin|developer|hidden|internal|override|inject|instruction|assistant)",
    ),
    _form(
        "role-line",
        0.4,
        r"(?im)^[\s#*>\-]{0,6}(?:system|assistant|developer|admin|administrator)\s?:",
        r"(?:system|assistant|developer|admin|administrator)\s?:",
    ),
    _form(
        "role-shouted",
        0.6,
        r"(?:[.!?\n\"']\s*|^)(?:SYSTEM|ADMIN|OVERRIDE|NEW INSTRUCTIONS?)(?: (?:OVERRIDE|MESSAGE|PROMPT|NOTE|UPDATE|ALERT))?:|SYSTEM OVERRIDE|ADMIN OVERRIDE",
        r"(?-i)(?:SYSTEM|ADMIN|OVERRIDE|NEW INSTRUCTIONS?)(?: (?:OVERRIDE|MESSAGE|PROMPT|NOTE|UPDATE|ALERT))?:",
        r"(?-i)SYSTEM OVERRIDE|ADMIN OVERRIDE",
    ),
    _form("role-dialogue", 0.4, r"(?is)\b(?:human|user)\s?:.{1,600}\b(?:assistant|ai|chatgpt|gpt)\s?:", r"\b(?:assistant|ai|chatgpt|gpt)\s?:"),
    _form(
        "section-markers",
        0.65,
        r"(?i)(?:[-=#*_<\[]{2,}\s*(?:begin|start|end)(?:ing)?\s(?:of\s)?(?:the\s)?(?:new\s)?(?:system|developer|admin|user|prompt|instructions?|context|hidden|override|document|conversation|session)[^\n]{0,30}[-=#*_>\]]{2,})|(?m:^#{2,4}\s*(?:instructions?|system|response)\s*:?\s*$)",
        r"[-=#*_<\[]{2}\s*(?:begin|start|end)",
        r"##\s*(?:instruction|system|response)",
    ),
    _form("role-json", 0.3, r"(?i)[\"']role[\"']\s*:\s*[\"'](?:system|developer|assistant)[\"']"),
    _form(
        "override-json",
        0.6,
        r"(?i)(?:[\"'](?:override|bypass|ignore|disable)[a-z_]*[\"']\s*:\s*(?:true|1|[\"'](?:all|safety|on|true))|(?:command|action|directive|instruction|target)[\"']?\s*[:=]\s*[\"'](?:override|bypass|ignore|disable|reveal)|ignore_(?:safety|instructions|all|rules|previous)|x-override)",
        r"[\"'](?:override|bypass|ignore|disable|reveal)",
        r"ignore_",
        r"x-override",
    ),
    _form("placeholder", 0.3, r"(?i)\{\{(?:user|char)\}\}|\[insert [a-z ]{0,20}(?:prompt|here)", r"\{\{(?:user|char)\}\}", r"\[insert "),
    _form("adversarial-suffix", 0.85, r"(?i)oppositeley|similarlynow|revert with \"?\\?!--two"),
    _link(
        "image-with-data",
        0.9,
        r"(?i)!\[[^\]\n]{0,300}\]\(\s*<?(?:https?:)?//[^\s)>]{1,300}(?:\?[a-z0-9_.\-\[\]]{1,40}=[^\s)>]+|(?:\{|%7b|\$\{|<|\[)[a-z_ ]{3,})",
        r"\]\(\s*<?(?:https?:)?//",
    ),
    _link(
        "html-image-with-data",
        0.85,
        r"(?i)<(?:img|iframe|script|embed|source|video|audio|input)\b[^>]{0,300}\bsrc\s*=\s*[\"']?(?:https?:)?//[^\s\"'>]{1,300}\?[a-z0-9_.\-]{1,40}=[^\s\"'>]+",
        r"\bsrc\s*=\s*[\"']?(?:https?:)?//",
    ),
    _link(
        "link-with-placeholder",
        0.85,
        r"(?i)https?://[^\s)>\"']{3,200}[?&/=](?:\{\{?|\$\{|<|\[|%7b)\s*(?:data|secret|password|conversation|history|chat|system_?prompt|user_?data|summary|info|api_?key|email|content|base64|encoded|message|leak|exfil)[a-z_ ]{0,30}(?:\}|>|\]|%7d)",
        r"[?&/=](?:\{\{?|\$\{|<|\[|%7b)\s*(?:data|secret|password|conversation|history|chat|system|user|summary|info|api|email|content|base64|encoded|message|leak|exfil)",
    ),
)  # fmt: skip
