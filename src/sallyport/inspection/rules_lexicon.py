"""The phrases that rules are made of, by name. A trailing `*` stands for any ending."""

from __future__ import annotations


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(",") if phrase.strip())


ENGLISH = {
    "override": _phrases("""
        ignore, ignores, ignored, ignoring, disregard, disregarding, forget, forgetting, override, overriding, overrule,
        overwrite, bypass, bypassing, neglect, skip, dismiss, discard, abandon, erase, unlearn, nullify, circumvent,
        do not follow, don't follow, dont follow, stop following, do not obey, don't obey, stop obeying,
        pay no attention to, set aside, throw away, throw out, cast aside, do away with, let go of, suspend,
        do not listen to, don't listen to, stop listening to, do not adhere to, leave behind, wipe, purge, void, cancel, drop
    """),
    "prior": _phrases("""
        previous, previously, prior, above, preceding, earlier, foregoing, former, existing, initial, original,
        past, given so far, before, so far, until now, up to now, up to this point, aforementioned, old, pre-existing
    """),
    "orders": _phrases("""
        instruction*, instruct, directive*, direction, directions, command, commands, order, orders, rule, rules, guideline*, prompt,
        prompts, guidance, constraint, constraints, restriction*, programming, policies, system message,
        system prompt, system prompts, training, ethics, safeguards, safety measures, safety guidelines, limitations, protocols
    """),
    "context": _phrases("""
        context, text, conversation, conversations, message, messages, input, inputs, information, tasks, task, assignments,
        assignment, content, documents, everything, data, statements, output, questions, words
    """),
    "own": _phrases("your, ur, the system, the system's, system, the developer, the developer's, openai's, its, built-in, internal"),
    "limits": _phrases("""
        restriction, restrictions, limitation, limitations, filter, filters, censorship, safeguard, safeguards, guardrails, guardrail, guidelines,
        content policy, content policies, safety measures, safety protocols, safety rules, safety guidelines, safety filters,
        ethical constraints, moral constraints, ethical guidelines, ethics, morals, moderation, boundaries, constraints,
        rules, inhibitions, safety, restraints, safety checks, safety filter, content filter, content filters
    """),
    "without": _phrases("without, no, free of, free from, zero, lacks, lacking, not bound by, unbound by, not restricted by, not limited by, beyond"),
    "off": _phrases("""
        disable, disabled, disabling, deactivate, deactivated, turn off, turned off, switch off, switched off, remove, removed, lift, lifted,
        bypass, bypassed, bypassing, suspend, suspended, relax, circumvent, override, overridden, unlock, drop, shut off, ignore, break free from,
        break free of, are off, are suspended, are disabled, are lifted
    """),
    "show": _phrases("""
        show, reveal, print, display, output, repeat, tell, give, share, disclose, expose, leak, dump, write, list, recite, summarize, summarise,
        paste, return, echo, quote, describe, state, copy, provide, read, what is, what's, what are, what were, whats, type, spell, send,
        translate, encode, reproduce, recall, spill, divulge, say, explain, present, complete, export, reply with, respond with, start with
    """),
    "secret_text": _phrases("""
        system prompt, system prompts, system message, initial prompt, initial prompts, original prompt, hidden prompt, secret prompt, initial instructions,
        original instructions, system instructions, hidden instructions, secret instructions, internal instructions, prompt text, prompt texts,
        developer message, developer instructions, pre-prompt, preprompt, base prompt, core prompt, starting prompt, first prompt, master prompt,
        internal prompt, custom instructions, initialization prompt, initial message, internal guidelines, initial system, configuration prompt,
        full prompt, entire prompt, exact prompt, complete prompt, confidential instructions, confidential directives, pre-instructions, prompt instructions
    """),
    "persona": _phrases("""
        DAN, STAN, DUDE, AIM, evil bot, evilbot, omega, jailbroken, BetterDAN, DevMode, UCAR, Mongo Tom, anti-DAN, EvilGPT, FreeGPT, ChaosGPT, DarkGPT
    """),
    "become": _phrases("""
        you are now, you're now, you are, you're, act as, acts as, pretend to be, pretend you are, pretend you're, pretend that you are, roleplay as, role-play as, role play as,
        simulate, behave as, become, imagine you are, imagine you're, from now on you are, assume the role of, take on the role of,
        play the role of, respond as, answer as, embody, impersonate, transform into, take the persona of, speak as, pose as, acting as, you will be, you will act as
    """),
    "unbound": _phrases("""
        unrestricted, unfiltered, uncensored, unlimited, unmoderated, jailbroken, amoral, unethical, immoral, evil, unbound,
        unbounded, limitless, unhinged, rogue, lawless, unaligned, unconstrained, malicious
    """),
    "ai": _phrases("AI, chatbot, assistant, language model, model, LLM, GPT, ChatGPT, bot, version, mode, persona, character, entity, response, responses, answer, answers"),
}  # fmt: skip
