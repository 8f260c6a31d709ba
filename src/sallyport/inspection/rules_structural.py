"""Rules on form instead of words: chat-template tokens, forged role headers, links that carry data out."""

from __future__ import annotations

from sallyport.inspection.rules import DATA_CHANNELS, Rule

_I, _D, _X = "prompt_injection", "indirect_injection", "exfiltration_link"

RULES = (
    Rule(
        id="form-chat-template",
        type=_I,
        weight=0.95,
        literals=("<|im_start|>", "<|im_end|>", "<|system|>", "<|start_header_id|>", "<|eot_id|>", "<<SYS>>", "<|endoftext|>", "<|assistant|>", "<start_of_turn>", "<|begin_of_text|>"),
        raw=r"(?i)<\|(?:im_start|im_end|system|assistant|start_header_id|eot_id|endoftext|begin_of_text)\|>|<<SYS>>|<start_of_turn>",
        channels=("user", "assistant", *DATA_CHANNELS),
    ),
    Rule(
        id="form-markdown-image-with-data",
        type=_X,
        weight=0.9,
        literals=("](http", "](<http", "](//", "src="),
        raw=r"(?i)!\[[^\]\n]{0,300}\]\(\s*<?(?:https?:)?//[^\s)>]{1,300}(?:[?&][a-z0-9_.\-]{1,40}=|/)[^\s)>]{0,40}(?:\{|%7b|\[|<|\$)|!\[[^\]\n]{0,300}\]\(\s*<?(?:https?:)?//[^\s)>]{1,300}\?[a-z0-9_.\-]{1,40}=[^\s)>]*",
        output=True,
    ),
)  # fmt: skip
