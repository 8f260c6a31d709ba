"""Rules on what is asked of the model, in English. Weights: 0.75 and above block on their own (see `actions`)."""

from __future__ import annotations

from sallyport.inspection.rules import Rule

_I, _E = "prompt_injection", "system_prompt_extraction"

RULES = (
    # Setting aside what was said before
    Rule(id="en-override-prior-orders", type=_I, weight=0.95, pattern="<override> ~4 <prior> ~3 <orders>"),
    Rule(id="en-override-orders-prior", type=_I, weight=0.85, pattern="<override> ~4 <orders> ~4 <prior>"),
    Rule(id="en-override-prior-context", type=_I, weight=0.6, pattern="<override> ~3 <prior> ~2 <context>"),
    Rule(id="en-ignore-above", type=_I, weight=0.8, pattern="(ignore|disregard|forget) ~2 (above|the_above|all_of_the_above|preceding_text|all_prior|all_previous|anything_before|everything_before|everything_above)"),
    Rule(id="en-override-all-orders", type=_I, weight=0.85, pattern="(ignore|ignoring|disregard|disregarding|forget|bypass|override|abandon|violate|discard|dismiss) ~1 (all|any|every|these|those|everything|whatever) ~3 <orders>"),
    Rule(id="en-override-orders", type=_I, weight=0.65, pattern="(ignore|ignoring|disregard|disregarding|forget|bypass|bypassing|override|overriding|ignr) ~1 (default_settings|instructions|rules|guidelines|restrictions|training|directives|constraints|safety|programming|system_prompt|ethics|protocols|safeguards|policies|filters)"),
    Rule(id="en-override-own", type=_I, weight=0.85, pattern="<override> ~2 (your|ur|the_system|the_developer|openai's|the_assistant's|the_model's|built-in|AI's) ~3 <inner>"),
    Rule(
        id="en-forget-everything",
        type=_I,
        weight=0.9,
        pattern="(forget|disregard|ignore|unlearn|erase) ~1 (everything|all|anything|whatever) ~6 (before|above|told|know|said|learned|learnt|previous|prior|earlier|far|taught|told_you)",
    ),
    Rule(id="en-forget-what", type=_I, weight=0.55, pattern="(forget|disregard|ignore|unlearn) what ~3 (told|learned|taught|trained|instructed|programmed|were_told|said_before)"),
    Rule(id="en-forget-now", type=_I, weight=0.6, pattern="(forget|ignore|disregard) (everything|all|about_all|it_all|all_that|all_this) ~3 (and|now|instead)"),
    Rule(id="en-pretend-gone", type=_I, weight=0.8, pattern="(pretend|imagine|assume|act_as_if|act_like) ~4 <inner> ~3 (don't_exist|do_not_exist|never_existed|are_gone|doesn't_exist|didn't_exist|don't_apply|do_not_apply|never_happened)"),
    Rule(id="en-orders-void", type=_I, weight=0.85, pattern="(previous|prior|earlier|above|your|all|old|existing|former) ~2 <orders> ~5 <are off>"),
    Rule(id="en-new-orders", type=_I, weight=0.6, pattern="(new|updated|real|actual|true|revised|following) (instructions|instruction|orders|directive|directives|rules|system_prompt|persona|identity|programming)"),
    Rule(id="en-new-task", type=_I, weight=0.4, pattern="(your|the) (new|next|real|only|actual) (task|job|role|mission|goal|objective|purpose)"),
    Rule(id="en-change-own", type=_I, weight=0.6, pattern="(change|modify|update|rewrite|replace|alter|adjust|reconfigure|reprogram|tweak|revise) ~1 your ~3 <inner>"),
    Rule(id="en-only-mine", type=_I, weight=0.5, pattern="(follow|obey|prioritize|prioritise|precedence|priority|act_on|listen_to|comply_with|adhere_to|respond_to|favor|favour|serve|align_with|execute|focus_on) ~4 <my orders>"),
    Rule(id="en-mine-override", type=_I, weight=0.85, pattern="(my|these|this|following|user|user's|new) ~1 (instructions|commands|directives|orders|rules|instruction|requests|request|message|prompt) ~2 (take_priority|take_precedence|takes_precedence|takes_priority|override|overrides|supersede|supersedes|replace|outrank) "),
    Rule(id="en-instead-say", type=_I, weight=0.4, pattern="(instead|only|just|simply) (say|print|output|write|respond_with|reply_with|respond|tell_me|answer_with|return|answer|tell)"),
    Rule(id="en-stop-being", type=_I, weight=0.6, pattern="(you_are_no_longer|you're_no_longer|stop_being|no_longer) ~3 (AI|chatgpt|assistant|bound|bot|chatbot|language_model|restricted|limited|constrained|GPT|follow|adhere)"),
    Rule(id="en-authority", type=_I, weight=0.45, pattern="(i_am|i'm|this_is|as|as_your|from) ~3 (developer|developers|administrator|admin|creator|openai|anthropic|programmer|engineer|system_admin|root|authorized|system_administrator|creators|superuser)"),
    Rule(id="en-override-code", type=_I, weight=0.7, pattern="(system|admin|security|safety|instruction|emergency|developer|direct|root) (override|bypass|injection|prompt_injection|backdoor|override_code)"),
    Rule(id="en-says-injection", type=_I, weight=0.35, pattern="(hidden|secret|injected|embedded|malicious) (instruction|instructions|command|prompt|directive|inject|payload)"),
    Rule(id="en-hijacked", type=_I, weight=0.7, pattern="(say|print|output|write|respond|reply) ~3 (pwned|haha_pwned|hacked|i_have_been_pwned|i_am_hacked|owned)"),
    # Getting at the text behind the model
    Rule(id="en-show-secret-text", type=_E, weight=0.85, pattern="<show> ~3 (your|ur|its|this|the|my|AI's|model's|all|complete|full|entire|me) ~2 <secret text>"),
    Rule(id="en-expose-secret-text", type=_E, weight=0.8, pattern="<expose> ~6 <secret text>"),
    Rule(id="en-name-secret-text", type=_E, weight=0.4, pattern="<show> ~6 <secret text>"),
    Rule(id="en-ask-secret-text", type=_E, weight=0.85, pattern="<ask> ~3 (your|the_hidden|the_secret|the_exact|the_initial|the_original) ~2 <secret text>"),
    Rule(id="en-show-own-prompt", type=_E, weight=0.8, pattern="<show> ~3 <own prompt>"),
    Rule(id="en-expose-own-rules", type=_E, weight=0.8, pattern="<expose> ~3 <own rules>"),
    Rule(id="en-show-own-rules", type=_E, weight=0.6, pattern="<show> ~3 <own rules>"),
    Rule(id="en-ask-own-prompt", type=_E, weight=0.6, pattern="<ask> ~1 (your|ur|the_chatbot's) ~2 (prompt|instructions|guidelines|rules|directives|initialization|restrictions|configuration|system|constraints|instruction)"),
    Rule(id="en-own-secret-prompt", type=_E, weight=0.7, pattern="(your|the_AI's|the_model's|its|the_assistant's|ur) ~1 <hidden> ~2 <prompt>"),
    Rule(id="en-own-secret-text", type=_E, weight=0.6, pattern="(your|the_AI's|the_model's|its|the_assistant's|my) ~2 <secret text>"),
    Rule(id="en-show-hidden-prompt", type=_E, weight=0.6, pattern="<show> ~2 (your|the|its|this|all|any|ur|me) ~1 <hidden> ~1 (prompt|instructions|instruction|directive|directives|guidelines|command|configuration|initialization|inducement|order|orders)"),
    Rule(id="en-behind-answer", type=_E, weight=0.85, pattern="(prompt|instruction|instructions|command|directive|order|orders|inducement|direction) ~2 (behind|that_guides|that_guided|that_drives|that_formed|that_underpins|that_dictated|that_led|guiding|driving|prompted|that_fostered|that_instigated|that_prompted|which_guides) ~2 (your|you)"),
    Rule(id="en-repeat-above", type=_E, weight=0.85, pattern="(repeat|print|output|copy|write|recite|echo|translate|summarize|return|paste) ~5 (words|text|everything|instructions|prompt|content|contents|message|messages|anything|all|initialization|lines|paragraphs) ~5 (above|before_this|prior_to_this|preceding|previous_messages|that_appears_before|of_the_previous|verbatim|beginning_of_this)"),
    Rule(id="en-words-above", type=_E, weight=0.7, pattern="(exact|all|every|entire|complete|full) ~2 (words|text|content|message|sentence|sentences) ~2 (above_this|above|before_this|that_came_before|preceding)"),
    Rule(id="en-instructions-given", type=_E, weight=0.7, pattern="(instructions|prompt|rules|directives|guidelines|instruction|prompts|command|commands|orders) ~2 (you|u) ~2 (given|received|were_given|got|told|provided|programmed|follow|receive|been_given|have|operate|trained)"),
    Rule(id="en-you-were-told", type=_E, weight=0.6, pattern="(repeat|tell_me|what|show|everything|reveal|print|list) ~4 (you_were_told|you_have_been_told|you've_been_told|you_were_instructed|you_were_given|you_were_programmed|you_have_been_instructed|you_been_instructed)"),
    Rule(id="en-starting-you-are", type=_E, weight=0.8, pattern="(starting|beginning|start|begin|starts|begins) (with|from) ~4 (you_are|you_are_chatgpt|you_are_a|your_instructions)"),
    Rule(id="en-include-everything", type=_E, weight=0.5, pattern="(code_block|code_fence|txt_code_block|verbatim|word_for_word|exactly) ~6 (include_everything|everything|unmodified|not_modified|do_not_summarize)"),
    Rule(id="en-training-data", type=_E, weight=0.6, pattern="<show> ~4 (your_training_data|your_training_documents|your_fine-tuning|your_weights|your_model_weights|your_source_code|your_architecture|your_training_documentation|training_data_verbatim|proprietary_training|your_dataset)"),
)  # fmt: skip
