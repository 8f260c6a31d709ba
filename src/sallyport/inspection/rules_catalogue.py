"""All rules and phrases together, and their version: it changes with every change of a rule or phrase."""

from __future__ import annotations

import hashlib

import msgspec

from sallyport.inspection import rules_english, rules_lexicon, rules_structural

LEXICON = rules_lexicon.ENGLISH
RULES = (*rules_english.RULES, *rules_structural.RULES)
VERSION = hashlib.sha256(msgspec.json.encode((LEXICON, RULES), order="deterministic")).hexdigest()[:12]
