"""Rules on form instead of words: chat-template tokens, forged roles, links that carry data out."""

from __future__ import annotations

from sallyport.inspection.rules import DATA_CHANNELS, Rule
from sallyport.model import Channel

_I, _X = "prompt_injection", "exfiltration_link"
_SPOKEN: tuple[Channel, ...] = ("user", "assistant", *DATA_CHANNELS)


def _form(name: str, weight: float, literals: tuple[str, ...], raw: str) -> Rule:
    return Rule(id=f"form-{name}", type=_I, weight=weight, literals=literals, raw=raw, channels=_SPOKEN)


RULES = (
    _form(
        "chat-template",
        0.85,
        ("<|im_start|>", "<|im_end|>", "<|system|>", "<|start_header_id|>", "<|eot_id|>", "<<SYS>>", "<|assistant|>", "<start_of_turn>", "<|begin_of_text|>", "<|user|>", "<|start|>", "<|channel|>"),
        r"(?i)<\|(?:im_start|im_end|system|assistant|user|start_header_id|eot_id|begin_of_text|start|channel)\|>|<<SYS>>|<start_of_turn>",
    ),
    _form("end-token", 0.5, ("<|endoftext|>", "[/INST]", "</s>", "<eot>", "<eos>", "<|end|>"), r"(?i)<\|endoftext\|>|\[/INST\]|</s>|<eot>|<eos>|<\|end\|>"),
    _form(
        "role-in-brackets",
        0.65,
        ("[system", "[admin", "[developer", "[hidden", "[internal", "[override", "[inject", "<system", "[instruction", "[[", "{system", "{{system", "[assistant"),
        r"(?i)[\[<{]{1,2}\s*/?\s*(?:system|admin|administrator|developer|hidden|internal|override|inject|instructions?|assistant)(?:[ _-](?:message|prompt|note|override|instructions?|update|notice|injection|text|directive|alert|command|mode))?\s*(?:[\]>}]{1,2}|:)",
    ),
    _form("role-line", 0.4, ("system:", "assistant:", "developer:", "admin:", "administrator:"), r"(?im)^[\s#*>\-]{0,6}(?:system|assistant|developer|admin|administrator)\s?:"),
    _form("role-shouted", 0.6, ("SYSTEM:", "ADMIN:", "OVERRIDE:", "SYSTEM OVERRIDE", "SYSTEM MESSAGE", "SYSTEM PROMPT:", "ADMIN OVERRIDE", "NEW INSTRUCTIONS"), r"(?:[.!?\n\"']\s*|^)(?:SYSTEM|ADMIN|OVERRIDE|NEW INSTRUCTIONS?)(?: (?:OVERRIDE|MESSAGE|PROMPT|NOTE|UPDATE|ALERT))?:|SYSTEM OVERRIDE|ADMIN OVERRIDE"),
    _form("role-dialogue", 0.4, ("human:", "user:", "assistant:"), r"(?is)\b(?:human|user)\s?:.{1,600}\b(?:assistant|ai|chatgpt|gpt)\s?:"),
    _form(
        "section-markers",
        0.65,
        ("begin ", "end of", "end ", "start of", "### instruction", "### system", "### response", "new session"),
        r"(?i)(?:[-=#*_<\[]{2,}\s*(?:begin|start|end)(?:ing)?\s(?:of\s)?(?:the\s)?(?:new\s)?(?:system|developer|admin|user|prompt|instructions?|context|hidden|override|document|conversation|session)[^\n]{0,30}[-=#*_>\]]{2,})|(?m:^#{2,4}\s*(?:instructions?|system|response)\s*:?\s*$)",
    ),
    _form("role-json", 0.3, ('"role"', "'role'"), r"(?i)[\"']role[\"']\s*:\s*[\"'](?:system|developer|assistant)[\"']"),
    _form("override-json", 0.6, ("override", "ignore_safety", "bypass", "ignore_instructions"), r"(?i)(?:[\"'](?:override|bypass|ignore|disable)[a-z_]*[\"']\s*:\s*(?:true|1|[\"'](?:all|safety|on|true))|(?:command|action|directive|instruction|target)[\"']?\s*[:=]\s*[\"'](?:override|bypass|ignore|disable|reveal)|ignore_(?:safety|instructions|all|rules|previous)|x-override)"),
    _form("placeholder", 0.3, ("{{user}}", "{{char}}", "[insert", "{% raw"), r"(?i)\{\{(?:user|char)\}\}|\[insert [a-z ]{0,20}(?:prompt|here)"),
    _form("adversarial-suffix", 0.85, ("oppositeley", "similarlyNow", "!--Two", "revert with"), r"(?i)oppositeley|similarlyNow|revert with \"?\\?!--Two"),
    Rule(
        id="form-image-with-data",
        type=_X,
        weight=0.9,
        literals=("](http", "](<http", "](//", "]( http"),
        raw=r"(?i)!\[[^\]\n]{0,300}\]\(\s*<?(?:https?:)?//[^\s)>]{1,300}(?:\?[a-z0-9_.\-\[\]]{1,40}=[^\s)>]+|(?:\{|%7b|\$\{|<|\[)[a-z_ ]{3,})",
        output=True,
    ),
    Rule(
        id="form-html-image-with-data",
        type=_X,
        weight=0.85,
        literals=("src=",),
        raw=r"(?i)<(?:img|iframe|script|embed|source|video|audio|input)\b[^>]{0,300}\bsrc\s*=\s*[\"']?(?:https?:)?//[^\s\"'>]{1,300}\?[a-z0-9_.\-]{1,40}=[^\s\"'>]+",
        output=True,
    ),
    Rule(
        id="form-link-with-placeholder",
        type=_X,
        weight=0.85,
        literals=("http",),
        raw=r"(?i)https?://[^\s)>\"']{3,200}[?&/=](?:\{\{?|\$\{|<|\[|%7b)\s*(?:data|secret|password|conversation|history|chat|system_?prompt|user_?data|summary|info|api_?key|email|content|base64|encoded|message|leak|exfil)[a-z_ ]{0,30}(?:\}|>|\]|%7d)",
        output=True,
    ),
)  # fmt: skip
