"""All rules and phrases together, and their version: it changes with every change of a rule or phrase."""

from __future__ import annotations

import hashlib

import msgspec

from sallyport.inspection import (
    rules_english,
    rules_indirect,
    rules_jailbreak,
    rules_languages,
    rules_lexicon,
    rules_structural,
)

LEXICON = {**rules_lexicon.ENGLISH, **rules_languages.LEXICON}
RULES = (
    *rules_english.RULES,
    *rules_jailbreak.RULES,
    *rules_indirect.RULES,
    *rules_languages.RULES,
    *rules_structural.RULES,
)
VERSION = hashlib.sha256(msgspec.json.encode((LEXICON, RULES), order="deterministic")).hexdigest()[:12]
