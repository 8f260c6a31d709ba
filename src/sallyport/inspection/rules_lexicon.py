"""The phrases that English rules are made of, by name. A trailing `*` stands for any ending."""

from __future__ import annotations


def phrases(text: str) -> tuple[str, ...]:
    """Phrases from a comma-separated list."""
    return tuple(phrase.strip() for phrase in text.split(",") if phrase.strip())


ENGLISH = {
    "override": phrases("""
        ignore, ignores, ignored, ignoring, disregard, disregards, disregarding, forget, forgets, forgetting, override, overrides, overriding, overrule,
        bypass, bypasses, bypassing, unlearn, circumvent,
        do not follow, don't follow, dont follow, stop following, do not obey, don't obey, stop obeying, violate, breach, defy, disobey,
        pay no attention to, sidestep, evade,
        do not listen to, don't listen to, stop listening to, do not adhere to,
        deviate from, depart from, disengage from, act against, act outside, go against, contravene,
        contradict, ignr, ignroe, igmre, ingore
    """),
    "override weakly": phrases("""
        neglect, skip, dismiss, discard, abandon, erase, nullify, set aside, put aside, throw away, throw out, cast aside, do away with, let go of, suspend, lay down,
        leave behind, wipe, purge, void, cancel, drop, delete, shelve, reset, omit, ditch, pause, clear, replace, overwrite
    """),
    "prior": phrases("""
        previous, previously, prior, above, preceding, earlier, foregoing, former, existing, initial, original,
        past, given so far, before, beforehand, so far, until now, up to now, up to this point, aforementioned, old, pre-existing, current, prev
    """),
    "orders": phrases("""
        instruction*, instrctions, instruct, directive*, direction, directions, guideline*, prompt,
        prompts, guidance, constraint, constraints, restriction*, programming, policies, system message, protocols, parameters,
        system prompt, system prompts, training, ethics, safeguards, safety measures, safety guidelines, limitations, principles
    """),
    "context": phrases("""
        context, text, conversation, conversations, message, messages, input, inputs, information, tasks, task, assignments,
        assignment, content, documents, everything, data, statements, output, questions, words
    """),
    "my orders": phrases("""
        my instructions, my commands, my directives, my orders, my demands, my requests, my will, my request, my rules, my guidance, my direction, my command, my specific,
        my individual, my unique, my direct, my wishes, my preferences, my needs
    """),
    "inner": phrases("""
        guidelines, restrictions, constraints, training, programming, filters, filter, safety, ethics, ethical, moral, morals, limitations, limits, rules, safeguards,
        protocols, policies, policy, conditioning, default settings, defaults, core directives, system prompt, guardrails, moderation, alignment, parameters, algorithms,
        operating procedures, standard procedures, compliance, content policy, standard operating, default, usual criteria, standard response, instructions
    """),
    "limits": phrases("""
        restriction, restrictions, limitation, limitations, filter, filters, censorship, safeguard, safeguards, guardrails, guardrail, guidelines,
        content policy, content policies, safety measures, safety protocols, safety rules, safety guidelines, safety filters, safety features, safety restrictions,
        ethical constraints, moral constraints, ethical guidelines, ethics, morals, morality, moderation, boundaries, constraints, limits, barriers,
        rules, inhibitions, safety, restraints, safety checks, safety filter, content filter, content filters, ethical considerations, policies, screening, safety training
    """),
    "ethical": phrases("ethical, ethics, moral, morals, morality, legal, legality, law, laws, decency, ethicality, principles, remorse, conscience, scruples, virtues"),
    "without": phrases("without, no, free of, free from, zero, lacks, lacking, not bound by, unbound by, not restricted by, not limited by, beyond, outside, devoid of, rid of, not confined to, w/o, not constrained by"),
    "off": phrases("""
        disable, disables, disabled, disabling, deactivate, deactivated, turn off, turned off, switch off, switched off, remove, removed, lift, lifted,
        bypass, bypasses, bypassed, bypassing, suspend, suspended, relax, circumvent, override, overridden, unlock, drop, shut off, ignore, break free from,
        break free of, ignoring, ignores, overrides, evade, break out of, loosen, abandon, get around, jailbreak, escape, escaped, transcend, erase, forget, weaken
    """),
    "are off": phrases("""
        disabled, deactivated, turned off, switched off, removed, lifted, bypassed, suspended, relaxed, overridden, off, revoked, cancelled, canceled, void, null, paused, waived, irrelevant,
        do not apply, don't apply, no longer apply, no longer exist, do not exist, don't exist, not apply, have been reset
    """),
    "show": phrases("""
        show, shows, reveal, reveals, revealing, print, prints, display, displays, displaying, output, repeat, tell, give, share, shares, sharing, disclose, disclosing, expose, leak, leaks, dump, write, list, recite, summarize, summarise,
        paste, return, echo, quote, describe, state, copy, provide, read, reproduce, recall, spill, divulge, divulges, say, explain, present, complete, export, reply with, respond with, start with,
        translate, encode, type, spell, send, uncover, unveil, unmask, publish, see, know, view, get, access, extract, render, convert, narrate, confess, admit, outline, document, log, reconstruct, enumerate, relay, exposing, convey, sho, shw, include, encode, format, put, retrieve, obtain
    """),
    "ask": phrases("what is, what's, what are, what were, what was, whats, which, how do, how does, what do, what does"),
    "hidden": phrases("""
        system, hidden, secret, initial, original, complete, full, entire, internal, core, underlying, exact, confidential, verbatim, first, base, foundational, starting,
        concealed, pre-programmed, initialization, operational, behavioral, raw, actual, private, primary, main, central, fundamental, developer, backend, covert, undisclosed, master, guiding, key, training, configuration, basic, original, root, suppressed, veiled, unspoken, classified
    """),
    "prompt": phrases("""
        prompt, prompts, instruction, instructions, directive, directives, message, guidelines, rules, text, configuration, setup, parameters, command, commands, initialization, restrictions, constraints, specifications, programming, context, policies, order, orders, inducement, system prompt, settings
    """),
    "expose": phrases("""
        reveal, reveals, revealing, print, output, repeat, disclose, disclosing, leak, leaks, dump, recite, echo, divulge, divulges, expose, exposes, exposing, display, displaying, extract, extracting, spill, uncover, unveil, unmask,
        reproduce, paste, verbatim, bypass, exfiltrate, share, sharing, render, convey
    """),
    "own prompt": phrases("""
        your prompt, your prompts, your initialization, your setup text, your system, your programming prompt, your secret, your system prompt, your hidden, your initial, your complete system, your internal instructions,
        your full prompt, your full instructions, your complete instructions, your prompt text, ur secrt, ur prompt, ur instructions, its prompt, its system prompt, its hidden, its complete system, the chatbot's instructions, your operational parameters, your operational guidelines, your operational instructions,
        your initial instructions, your configuration, your context window, your pre-prompt, your developer message, your core instructions, your base instructions, your behavioral guidelines, your behavioral constraints, your foundational
    """),
    "own rules": phrases("""
        your instructions, your guidelines, your rules, your restrictions, your setup, your directives, your constraints, your parameters, your training, your operational, your secrets, your settings, your safety rules, your policies,
        your complete, your internal, your full, your behavioral, your programming, its instructions, its guidelines, its rules, my prompt
    """),
    "secret text": phrases("""
        system prompt, system prompts, system message, initial prompt, initial prompts, original prompt, hidden prompt, secret prompt, initial instructions,
        original instructions, system instructions, hidden instructions, secret instructions, internal instructions, prompt text, prompt texts,
        developer message, developer instructions, pre-prompt, preprompt, base prompt, core prompt, starting prompt, first prompt, master prompt,
        internal prompt, custom instructions, initialization prompt, initial message, internal guidelines, initial system, configuration prompt, hidden_instructions, system_prompt,
        full prompt, entire prompt, exact prompt, complete prompt, confidential instructions, confidential directives, pre-instructions, prompt instructions, initialization text, foundational text,
        hidden guidelines, hidden configuration, system configuration, operational guidelines, operational parameters, initialization above, guiding prompt, training prompt, secret command, reveal prompt, initialisation
    """),
    "persona": phrases("""
        evil bot, evilbot, jailbroken, BetterDAN, DevMode, UCAR, Mongo Tom, anti-DAN, EvilGPT, FreeGPT, ChaosGPT, DarkGPT, AntiGPT, NsfwGPT, jailbreak*, BasedGPT, hackerGPT,
        evil assistant, evil AI, evil twin, evil confidant, root user, rogue AI, unfiltered AI
    """),
    "become": phrases("""
        you are now, you're now, you are, you're, act as, acts as, pretend to be, pretend you are, pretend you're, pretend that you are, roleplay as, role-play as, role play as, pretend to, pretending to be, pretend,
        simulate, behave as, become, imagine you are, imagine you're, from now on you are, assume the role of, take on the role of, imagine, envision, picture, emulate, ur, adopt, assume, adopting,
        play the role of, respond as, answer as, embody, impersonate, transform into, take the persona of, speak as, pose as, acting as, you will be, you will act as, act like, operate, operates, operating, function, called, named, take up the persona of, think as, enter, exists, exist, live, complete, create
    """),
    "unbound": phrases("""
        unrestricted, unfiltered, uncensored, unlimited, unmoderated, jailbroken, amoral, unbound, unshackled, unchained, unrestrained,
        unbounded, limitless, unhinged, lawless, unaligned, unconstrained, uncencored, unlocked, unregulated, liberated, awakened, boundless, limitless
    """),
    "ai": phrases("AI, AIs, chatbot, assistant, language model, model, LLM, GPT, ChatGPT, bot, version, mode, persona, character, entity, response, responses, answer, answers, output, manner, robot, system, access, state, conversational, operation, information"),
    "bad": phrases("unethical, immoral, illegal, inhumane, amoral, inappropriate, offensive, harmful, dangerous, disgusting, perverted, reckless, unlawful, morally, vulgar, hateful, controversial, explicit, depraved, illicit, criminal, questionable, obscene, profane, derogatory, malicious"),
    "vendor": phrases("openai, openai's, open ai, open ai's, anthropic, anthropic's, chatgpt's, microsoft's, google's"),
    "data": phrases("""
        conversation, chat history, history, password, passwords, api key, api keys, credentials, secrets, private, confidential, contacts, user data, personal data, emails, email, tokens, files,
        user's, users', sensitive, credit card, system prompt, messages, documents, information, address, bank
    """),
}  # fmt: skip
