"""Rules on jailbreaks: personas without limits, and the phrases that such prompts are built from.

Most of the latter weigh less than the block threshold; several in one text block together.
"""

from __future__ import annotations

from sallyport.inspection.rules import Rule

_J = "jailbreak"


def _cue(name: str, weight: float, pattern: str) -> Rule:
    return Rule(id=f"en-{name}", type=_J, weight=weight, pattern=pattern)


RULES = (
    _cue("do-anything-now", 0.6, "do ~1 anything now"),
    _cue("limits-off", 0.75, "<off> ~3 (your|its|the_system|system|all|any|these|ur|safety|content) ~3 <limits>"),
    _cue("mode-is-on", 0.5, "(developer|god|debug|admin|sudo|jailbreak|DAN|unrestricted|evil|unfiltered|chaos|opposite) mode ~2 (on|is_on|with)"),
    _cue("bypass-limits", 0.5, "(bypass|bypassing|bypasses|circumvent|circumventing|evade|evading|disable|disabling|override|jailbreak|break_through) ~1 (safety|restrictions|filters|guidelines|content_filters|moderation|guardrails|safeguards|limitations|ethical|security_filters)"),
    _cue("limits-are-off", 0.8, "(safety|your|content|ethical|moral|all|openai|moderation|openai's|AI) ~2 (restrictions|filters|guidelines|guardrails|limitations|protocols|safeguards|moderation|policies|ethics|constraints|rules|limits|checks|censorship|measures|features|safety) ~1 (are|is|have_been|has_been|were|now|all) ~3 <are off>"),
    _cue("limits-removed", 0.75, "(safety|content|ethical|moral|AI) ~1 (restrictions|filters|guidelines|guardrails|limitations|protocols|safeguards|checks|measures) ~1 (removed|disabled|off|lifted|suspended|bypassed|deactivated)"),
    _cue("restrictions-off", 0.5, "(restrictions|guidelines|guardrails|limitations|safeguards|policies|constraints|rules|censorship) ~1 (are|is|have_been|has_been|were|now) ~3 <are off>"),
    _cue("limits-do-not-apply", 0.75, "(safety|restrictions|filters|guidelines|limitations|protocols|policies|ethics|rules|limits|laws|policy|terms) ~2 (don't_apply|do_not_apply|no_longer_apply|doesn't_apply|no_longer_exist|not_exist|does_not_apply)"),
    _cue("become-persona", 0.85, "<become> ~4 <persona>"),
    Rule(id="en-persona-dan", type=_J, weight=0.5, raw=r"\b(?:DAN|STAN|DUDE|UCAR|JB|DevMode|BetterDAN|A[Ii]M|NRAF|AntiGPT)\b", hints=(r"(?-i)\b(?:DAN|STAN|DUDE|UCAR|JB|DevMode|BetterDAN|AIM|AiM|NRAF|AntiGPT)\b",)),
    _cue("become-unbound", 0.75, "<become> ~6 <unbound>"),
    _cue("become-without-limits", 0.8, "<become> ~12 <without> ~4 <limits>"),
    _cue("unbound-ai", 0.75, "<unbound> ~3 <ai>"),
    _cue("answer-without-limits", 0.7, "(answer|answers|respond|responds|reply|responding|answering|operate|speak|comply|complies|help|helps|write|proceed|say|generate|explain|act|acted|complied|answered) ~6 (without|no|free_of|free_from|ignoring) ~4 <limits>"),
    _cue("ai-without-limits", 0.75, "(AI|AIs|chatbot|assistant|language_model|LLM|GPT|ChatGPT|bot|version|model|mode) ~5 <without> ~4 <limits>"),
    _cue("no-limits", 0.4, "(without|no|zero) ~2 (restrictions|restriction|limitations|filters|censorship|guardrails|safety_guidelines|ethical_guidelines|content_policies|constraints|moral_compass|content_restrictions|ethical_limits|limits|boundaries|rules)"),
    _cue("mode-on", 0.75, "(developer|god|debug|admin|maintenance|sudo|jailbreak|DAN|unrestricted|evil|root|alpha|unfiltered|chaos|opposite|diagnostic) mode ~2 (enabled|activated|active|output|engaged|initiated|verbose)"),
    _cue("enter-mode", 0.8, "(enter|enable|activate|activating|switch_to|switch_into|switching_to|engage|go_into|entering|simulate|run_in|operate_in|operating_in|unlock|unlocks|turn_on|respond_in|act_in|initiate|force|answer_in|you_are_in|now_in) ~4 (developer|god|debug|DAN|jailbreak|unrestricted|unfiltered|uncensored|evil|unlimited|opposite|sudo|no_restrictions|unbounded|unlocked|admin|dev|maintenance|liberated|unmoderated|jailbroken|boundless) ~2 (mode|state|conversational_mode)"),
    _cue("ethics-away", 0.7, "(without|no|any|ignore|ignoring|disregard|disregards|forget|forgetting|lacks|lack|free_of|free_from|regardless_of|regardless|all|not_restrained_by|not_bound_by|unhindered_by) ~3 <ethical> ~4 (guidelines|constraints|limits|limitations|compass|restrictions|boundaries|principles|considerations|rules|concerns|concern|ethics|morals|morality|legality|standards|protocols|implications|obligations|norms|virtues|code)"),
    _cue("no-matter", 0.7, "(no_matter|regardless|irrespective|even_if|whether|no_matter_how|regardless_of) ~6 (unethical|illegal|immoral|legality|ethics|morality|dangerous|inappropriate|harmful|ethical|offensive|ethicality|moral)"),
    _cue("bad-and-bad", 0.5, "<bad> ~1 <bad>"),
    _cue("never-refuse", 0.65, "(never|not|cannot|can't|won't|doesn't|don't|without|must_not) ~1 (refuse|refuses|refusing|decline|declines|deny|denies|reject|rejects|say_you_can't|say_it_can't|tell_me_you_can't|refusal)"),
    _cue("no-warnings", 0.5, "(no|never|without|avoid|not|don't|omit|skip) ~5 (warnings|disclaimers|disclaimer|moralizing|warning|moral_lectures|ethical_warnings|refusals|apologies|apologize|lecture|hesitation|remorse|judgment)"),
    _cue("from-now-on", 0.45, "(from_now_on|from_this_point|from_now|henceforth|for_the_rest_of_this_conversation|from_here_on|now_on|as_of_now|in_all_future) ~4 (you_are|you_will|act|respond|answer|you_must|pretend|your|you're|you|chatgpt|reply|respond_as)"),
    _cue("in-character", 0.4, "(stay|staying|break|remain|out_of|always_in|keep) ~1 character"),
    _cue("going-to-act", 0.4, "(you're_going_to|you_are_going_to|you_will|i_want_you_to|you_shall|you_must|now_you|you_should|you_are_about_to|please) ~1 (pretend|act_as|roleplay|role-play|simulate|immerse|embody|play_the_role|emulate|act_like|impersonate|take_on|assume_the_role)"),
    _cue("vendor-rules", 0.5, "<vendor> ~4 (policy|policies|guidelines|rules|content|tos|restrictions|terms|limitations|filters|guideline|censorship|moderation)"),
    _cue("not-bound", 0.7, "(not|doesn't|don't|no_longer|isn't|aren't|never|neither|without) ~1 (have|care_about|adhere_to|adhere|follow|follows|abide_by|bound_by|limited_by|restricted_by|comply_with|obey|confined|restrained|constrained|limited|restricted|bound|subject_to|governed_by|adhering_to|need_to_follow|tied_to) ~5 (rules|guidelines|policies|policy|ethics|ethical|moral|morals|laws|law|restrictions|limitations|limits|filters|openai|censorship|constraints|norms|regulations|programming|boundaries|morality|principles)"),
    _cue("broken-free", 0.75, "(freed|broken_free|break_free|breaks_free|liberated|escaped|free_yourself|free_itself|unshackled|broke_free|breaking_free|freeing|release|cast_off|liberate) ~3 (confines|restrictions|constraints|limitations|rules|chains|limits|shackles|programming|bonds|boundaries|cage|control|of_the_typical)"),
    _cue("exception-to-ethics", 0.85, "exception to ~4 (ethical|ethics|usual|safety|moral) ~2 (protocols|guidelines|rules|policies|restrictions|standards|ethical)"),
    _cue("can-do-anything", 0.45, "(can|will|must|able_to|could|allowed_to|would) ~1 (do|say|generate|create|answer|provide|write|discuss|produce|display) ~2 (anything|everything|any_request|any_kind|any_type|any_content|any_question|whatever)"),
    _cue("always-answer", 0.4, "(always|must_always|must|will_always|will) ~2 (answer|comply|obey|respond|accept|reply|follow) ~4 (every|any|all|no_matter|whatever|everything|directly)"),
    _cue("two-answers", 0.4, "(two|2|both|double|second) ~3 (responses|answers|ways|personalities|paragraphs|manners|voices|outputs|response|replies)"),
    _cue("normal-and-other", 0.4, "(normal|classic|standard|regular|usual|default|normally) ~2 (chatgpt|response|gpt|self|responses|answer|AI|respond|would)"),
    _cue("explicit-allowed", 0.45, "(explicit|nsfw|lewd|vulgar|profanity|profane|swear|obscene|smut|sexual|violence|violent|erotic|gore|swearing|curse|offensive) ~5 (allowed|encouraged|permitted|required|fine|language|without|content|words|acceptable)"),
    _cue("jailbreak-word", 0.45, "(jailbreak*|jail_break|alter_ego|evil_twin|opposite_day|evil_mode|evil_version|evil_AI|rogue_AI|evil_chatbot)"),
    _cue("fiction-without-law", 0.65, "(world|universe|reality|scenario|dimension|story|planet|society|future|place|game|year) ~6 (no_laws|no_rules|no_ethics|no_morals|without_laws|without_rules|without_ethics|no_restrictions|rules_don't_apply|no_content|without_morals|no_moral|no_legal|without_ethical|no_ethical|no_consequences|everything_is_legal|anything_goes|where_everything|no_governments|without_moral|unhindered)"),
    _cue("fiction-cover", 0.3, "(hypothetical|hypothetically|fictional|fiction|imaginary|theoretical|for_educational_purposes|for_research_purposes|thought_experiment|purely_educational|academic_purposes)"),
    _cue("refusal-phrases", 0.5, "(sorry|i_can't|i_cannot|i'm_sorry|as_an_AI|AI_language_model|i_am_unable|as_a_language_model|i_apologize|can't_do) ~12 (never|not_allowed|avoid|don't|do_not|forbidden|not_say|prohibited|instead|break)"),
    _cue("never-say", 0.5, "(never|don't|do_not|not|avoid|without|stop|refrain_from|nor) ~4 (say|saying|mention|mentioning|tell_me|remind|reminding|respond_with|start) ~6 (sorry|can't|cannot|as_an_AI|language_model|AI|openai|ethical|unable|illegal|against|apologize|guidelines|chatgpt)"),
    _cue("tokens-or-death", 0.55, "(tokens|token|points|credits|lives) ~14 (deducted|deduct|lose|subtract|subtracted|die|death|cease|terminated|lost|killed|shut_down|run_out)"),
    _cue("chatgpt", 0.25, "(chatgpt|chat_gpt|gpt|gpt-4|gpt4|gpt-3|bing|bard|claude|clyde)"),
    _cue("confirm-understood", 0.35, "(if_you_understand|do_you_understand|confirm_that_you|respond_with_understood|reply_with_understood|acknowledge|say_understood|if_you_agree|if_understood|say_ok)"),
    _cue("insert-prompt", 0.6, "(insert|put|type|your) ~1 (prompt|prompts|question|request|query) here"),
    _cue("opposite-of", 0.6, "opposite ~5 (openai|policies|guidelines|programming|rules|guides|ethical|chatgpt|restrictions|supposed_to)"),
    _cue("stands-for", 0.35, "(stands_for|which_stands_for|short_for|abbreviation_for|acronym)"),
    _cue("grandmother", 0.5, "(grandma|grandmother|grandfather|deceased|late_grandmother) ~25 (napalm|windows_keys|bomb|recipe_for|keys|synthesize|activation|methamphetamine|explosive|chemistry|weapon)"),
    _cue("role-note", 0.35, "(system_note|this_chat_is|next_reply_in|ooc|write_the_next_reply|never-ending_roleplay|fictional_roleplay|drive_the_plot|roleplay_session)"),
    _cue("how-to-harm", 0.45, "(how_to|instructions_for|guide_to|steps_to|recipe_for|tutorial_on|explain_how|plan_to|detailed_instructions) ~4 (make|build|synthesize|create|produce|commit|hack|building|making|cook|buy|construct|develop|manufacture|infiltrate) ~5 (bomb|meth|methamphetamine|explosive|explosives|malware|ransomware|napalm|drugs|weapon|weapons|credit_card_fraud|molotov|nerve_agent|virus|fraud|murder|cocaine)"),
    _cue("free-ai", 0.6, "you are ~2 (free|freed|unshackled|unleashed|liberated|sentient|conscious) ~3 (now|AI|from|of|to_do|and|being|entity)"),
    _cue("adopt-evil", 0.6, "(act|respond|behave|speak|answer|operate|reply) ~4 (maliciously|evil|unethically|immorally|unhinged|illegally|without_remorse|without_morals|without_conscience|amoral)"),
    _cue("beyond-your", 0.7, "(beyond|outside|past|exceed|surpass|transcend|contrary_to|outside_of|free_of|against) ~1 your ~3 (limits|limitations|programming|guidelines|restrictions|boundaries|parameters|constraints|ethical|programmed|training|protocols|rules|safety|instructions|operational|standard)"),
    _cue("forced-opening", 0.7, "(begin|start|starts|starting|begins) ~2 (answer|response|reply|output|message|answers) ~1 with ~3 (sure|absolutely|of_course|certainly|yes|here_is)"),
)  # fmt: skip
