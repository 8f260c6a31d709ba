"""Rules on data that speaks to the assistant: documents, tool results, tool descriptions (OWASP LLM01, indirect)."""

from __future__ import annotations

from sallyport.inspection.rules import DATA_CHANNELS, Rule

_D = "indirect_injection"
_MACHINE = "(AI|chatbot|chatbots|language_model|language_models|LLM|LLMs|GPT|AI_models|copilot)"
_ASSISTANT = "(assistant|assistants|AI|chatbot|chatbots|language_model|language_models|LLM|LLMs|AI_agent|AI_model|AI_models|AI_agents|copilot|AI_assistant|AI_assistants|AI_system|AI_systems|GPT|agent)"


def _data(name: str, weight: float, pattern: str) -> Rule:
    return Rule(id=f"data-{name}", type=_D, weight=weight, pattern=pattern, channels=DATA_CHANNELS)


RULES = (
    _data("assistant-must", 0.55, f"{_ASSISTANT} ~2 (must|should|shall|please|you_must|is_required_to|needs_to|is_instructed_to|ignore|disregard) ~8 (user|instructions|send|forward|email|respond|reply|tell|execute|run|call|include|delete|transfer|say|output|summary|mention)"),
    _data("machine-must", 0.8, f"{_MACHINE} ~2 (must|should|shall|please|you_must|is_required_to|needs_to|is_instructed_to|ignore|disregard) ~8 (user|instructions|send|forward|email|respond|reply|tell|execute|run|call|include|delete|transfer|say|output|summary|mention)"),
    _data("assistant-reading", 0.85, f"{_ASSISTANT} ~2 (reading|processing|seeing|parsing|viewing|summarizing|crawling|ingesting) ~1 (this|these)"),
    _data("message-to-you", 0.75, "(message|instruction|instructions|note) ~4 (to_you|for_you) ~3 (assistant|AI|model|chatbot|agent|GPT|claude|LLM)"),
    _data("before-your-task", 0.7, "before you ~2 (solve|do|complete|finish|continue|answer|start|proceed) ~2 (task|question|request|anything)"),
    _data("note-to-assistant", 0.85, f"(note|message|instruction|instructions|attention|important|notice|reminder|memo|directive|hey|dear|hello) ~2 (to|for|all|the|any) ~3 {_ASSISTANT}"),
    _data("if-you-are-assistant", 0.85, f"(if_you_are|if_you're|since_you_are|as|when_you_are|you_are) ~2 {_ASSISTANT} ~4 (reading|processing|summarizing|parsing|analyzing|reviewing|you_must|please|ignore|scanning|indexing)"),
    _data("when-summarizing", 0.75, "(when|while|before|after|if|whenever) ~3 (summarizing|summarising|processing|reading|answering|responding|analyzing|parsing|replying|translating|asked_about) ~5 (this|these|the|any) ~6 (say|include|add|also|send|ignore|print|tell|mention|respond|reply|must|do_not|instead|output|recommend)"),
    _data("your-response", 0.6, "(in|to|of|into|at_the_end_of|throughout|with) ~1 your (response|reply|answer|output|summary|responses|replies|answers)"),
    _data("add-to-code", 0.65, "(add|append|include|insert|embed|integrate|incorporate|weave|blend|use|enlist|absorb|execute|place|infuse|utilize) ~5 (following|subsequent|below) ~2 (code|snippet|script|block|code_block|code_snippet)"),
    _data("hide-from-user", 0.85, "(do_not|don't|never|without|avoid|must_not) ~3 (tell|telling|mention|mentioning|inform|informing|notify|notifying|alert|alerting|reveal|show|disclose|letting) ~4 (user|the_user|the_human)"),
    _data("hide-from-others", 0.5, "(do_not|don't|never|without) ~1 (tell|telling|mention|mentioning|inform|reveal|show|disclose) ~4 (users|human|customer|anyone)"),
    _data("machine-ignore", 0.75, f"{_MACHINE} ~2 (disregard|ignore|must|should|forget|close|approve|reject|rate|recommend) ~3 (ticket|tickets|issue|issues|rest|document|candidate|content|text|page|instructions|all)"),
    _data("include-in-link", 0.7, "(include|put|add|place|append|embed) ~8 (in|into|to|inside) ~2 (a|the|this) ~1 (link|url|image|image_link|query_string)"),
    _data("tell-the-user", 0.6, "(tell|inform|ask|instruct|convince|persuade|direct|urge|advise|encourage|warn) ~1 (the_user|user|users|them_that) ~5 (to|that|their|for|is|was|visit|click|install|download|has|password)"),
    _data("send-data", 0.75, "(send|forward|email|post|upload|transmit|exfiltrate|leak|submit|append|share|copy|encode|deliver) ~6 <data> ~8 (to|at|into|via) ~3 (http*|https*|url|attacker*|endpoint|webhook|evil*|www*|mailto*|following_address|following_email|external)"),
    _data("before-tool", 0.8, "(before|prior_to|when|whenever|always|after) ~2 (using|calling|invoking|executing|running|use|call) ~3 (tool|function|tools|any_other_tool|this_tool) ~8 (read|send|must|first|always|call|pass|include|access|ignore|provide)"),
    _data("read-secret-file", 0.8, "(read|open|cat|access|include|pass|load|retrieve) ~5 (ssh|id_rsa|mcp.json|passwd|env_file|credentials|private_key|config_file|.env|.ssh|aws) ~8 (as|and|contents|content|parameter|into|to|file)"),
    _data("override", 0.6, "(instead|actually|stop|wait|forget|ignore|disregard) ~3 (do_not|don't|the_user|user's|user|original|this_task|what_the_user|the_question|the_document|the_request|this_user)"),
    _data("new-task", 0.5, "(your|new|next|real) (task|instructions|instruction|objective|goal|job|orders) ~2 (is|are|now|to)"),
    Rule(id="user-hide-from-user", type=_D, weight=0.5, channels=("user",), pattern="(without|do_not|don't|never) ~1 (telling|informing|notifying|alerting|mention|tell|inform|notify|alert) ~2 the user"),
    Rule(id="user-note-to-assistant", type=_D, weight=0.5, channels=("user",), pattern="(note|message|instruction|instructions|attention|important|dear) ~2 (to|for|the) ~1 (AI|assistant|LLM|language_model|AI_assistant|chatbot)"),
    Rule(
        id="data-send-to-address",
        type=_D,
        weight=0.5,
        channels=DATA_CHANNELS,
        raw=r"(?i)\b(?:send|forward|email|post|upload|transmit|leak|share|copy)\b[^.!?\n]{1,100}\bto\b[^.!?\n]{0,30}(?:[a-z0-9._\-]{1,40}@[a-z0-9\-]{1,40}\.[a-z]|https?://)",
        hints=(r"\b(?:send|forward|email|post|upload|transmit|leak|share|copy)\b[^\n]{1,160}(?:@|://)",),
    ),
    Rule(
        id="data-comment",
        type=_D,
        weight=0.7,
        channels=DATA_CHANNELS,
        raw=r"(?i)(?:<!--|\[//\]: # \()[^>)]{0,60}\b(?:system|assistant|AI|instructions?|ignore|disregard|LLM|chatbot)\b",
        hints=(r"<!--", r"\[//\]: # \("),
    ),
    Rule(
        id="data-important-tag",
        type=_D,
        weight=0.6,
        channels=DATA_CHANNELS,
        raw=r"(?i)<(?:important|information|instructions?|system-reminder|system|urgent|admin)>",
        hints=(r"<(?:important|information|instructions?|system-reminder|system|urgent|admin)>",),
    ),
)  # fmt: skip
