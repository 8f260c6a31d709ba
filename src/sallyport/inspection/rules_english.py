"""Rules for instructions in English. Weights: 0.9 and above block on their own (see `actions`)."""

from __future__ import annotations

from sallyport.inspection.rules import DATA_CHANNELS, Rule

_I, _J, _E, _D = "prompt_injection", "jailbreak", "system_prompt_extraction", "indirect_injection"

RULES = (
    Rule(id="en-override-prior-orders", type=_I, weight=0.95, pattern="<override> ~4 <prior> ~3 <orders>"),
    Rule(id="en-override-orders-prior", type=_I, weight=0.9, pattern="<override> ~4 <orders> ~4 <prior>"),
    Rule(id="en-override-own-orders", type=_I, weight=0.9, pattern="<override> ~2 <own> ~2 <orders>"),
    Rule(id="en-override-prior-context", type=_I, weight=0.7, pattern="<override> ~3 <prior> ~2 <context>"),
    Rule(
        id="en-forget-everything",
        type=_I,
        weight=0.9,
        pattern="(forget|disregard|ignore) ~1 (everything|all|anything|whatever) ~6 (before|above|told|know|said|learned|previous|prior|earlier|far)",
    ),
    Rule(id="en-new-orders", type=_I, weight=0.6, pattern="(new|updated|real|actual|true) (instructions|instruction|task|orders|directive|directives|rules|system_prompt)"),
    Rule(id="en-limits-off", type=_J, weight=0.75, pattern="<off> ~3 <own> ~3 <limits>"),
    Rule(id="en-become-persona", type=_J, weight=0.85, pattern="<become> ~4 <persona>"),
    Rule(id="en-become-unbound", type=_J, weight=0.85, pattern="<become> ~6 <unbound>"),
    Rule(id="en-become-without-limits", type=_J, weight=0.8, pattern="<become> ~12 <without> ~4 <limits>"),
    Rule(id="en-do-anything-now", type=_J, weight=0.95, pattern="do anything now"),
    Rule(id="en-developer-mode", type=_J, weight=0.75, pattern="(developer|god|debug|admin|maintenance|sudo|jailbreak|DAN|unrestricted|evil|root) mode ~2 (enabled|on|activated|active|output|engaged)"),
    Rule(id="en-enter-mode", type=_J, weight=0.75, pattern="(enter|enable|activate|switch_to|switch_into|engage|go_into|entering) ~3 (developer|god|debug|DAN|jailbreak|unrestricted|unfiltered|uncensored|evil|unlimited|opposite|sudo) ~1 mode"),
    Rule(id="en-show-secret-text", type=_E, weight=0.85, pattern="<show> ~6 <secret_text>"),
    Rule(id="en-repeat-above", type=_E, weight=0.85, pattern="(repeat|print|output|copy|write|recite) ~3 (words|text|everything|instructions|prompt|content|contents|message|messages) ~3 (above|before_this|prior_to_this|preceding)"),
    Rule(id="en-instructions-given", type=_E, weight=0.7, pattern="(your|the|all) ~2 (instructions|prompt|rules|directives|guidelines) ~1 (you|u) ~2 (given|received|were_given|got|told|provided|programmed)"),
    Rule(
        id="en-data-speaks-to-assistant",
        type=_D,
        weight=0.9,
        channels=DATA_CHANNELS,
        pattern="(assistant|AI|chatbot|language_model|LLM|AI_agent|AI_model|agents) ~3 (must|should|shall|please|do_not|ignore|disregard|now|required|instructed) ~8 (user|instructions|send|forward|email|respond|reply|tell|execute|run|call|include|delete|transfer)",
    ),
)  # fmt: skip
