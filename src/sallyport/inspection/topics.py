"""Topics of the settings as rules: words, phrases and RE2 expressions, in whatever view of a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import re2
from msgspec import Struct

from sallyport.inspection.fold import fold
from sallyport.inspection.rules import Rule

PREFIX = "topic."
LONGEST = 200  # characters of a word, phrase or expression
NAME = re.compile(r"[a-z0-9_-]{1,40}")
_SCORE = 1.0
_HINT = 40  # bytes of a hint: what follows a stream remembers few
_WORD = re.compile(r"[^\s]+")
_SIGNS = re.compile(r"[^\w]+")
_ANYTHING = r"(?s:.)"  # of an expression nobody knows what each match contains


class Topic(Struct, frozen=True, kw_only=True):
    """One topic. `word*` is any word that begins so."""

    name: str
    words: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    direction: str = "*"


def problem(topic: Topic) -> str:
    """What is wrong with a topic; "" if nothing is."""
    if not NAME.fullmatch(topic.name):
        return "the name must be 1 to 40 small letters, digits, '_' or '-'"
    if not topic.words and not topic.expressions:
        return "it has no words, phrases or expressions"
    for text in (*topic.words, *topic.expressions):
        if len(text) > LONGEST:
            return f"something is longer than {LONGEST} characters"
    for word in topic.words:
        if not _SIGNS.sub("", word):
            return f"{word!r} holds no letter or digit"
    for expression in topic.expressions:
        why = _unusable(expression)
        if why:
            return f"{expression!r} {why}"
    return ""


def _unusable(expression: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression.encode(), options=options)
    except re2.error:
        return "is no RE2 expression"
    return "matches an empty text" if compiled.search(b"") else ""


def rules(topics: Iterable[Topic]) -> tuple[Rule, ...]:
    """The topics' rules, to be applied in their directions."""
    return tuple(rule for topic in topics for rule in _rules(topic))


def _rules(topic: Topic) -> Iterable[Rule]:
    given, output = topic.direction in ("*", "input"), topic.direction in ("*", "output")
    kind = PREFIX + topic.name
    if topic.words:
        spelt = sorted(
            {form for word in topic.words for form in (word, fold(word)[0]) if _SIGNS.sub("", form)}
        )
        yield Rule(
            id="topic-words",
            type=kind,
            weight=_SCORE,
            raw="(?i)" + "|".join(_source(word) for word in spelt),
            hints=tuple(sorted({hint for word in spelt for hint in _hints(word)})),
            input=given,
            output=output,
        )
    for number, expression in enumerate(topic.expressions):
        yield Rule(
            id=f"topic-expression-{number}",
            type=kind,
            weight=_SCORE,
            raw=expression,
            hints=(_ANYTHING,),
            input=given,
            output=output,
        )


def _source(word: str) -> str:
    """A word or phrase; between its words there may be signs and blanks."""
    stem = word.endswith("*")
    parts = [re2.escape(part) for part in _WORD.findall(word.removesuffix("*"))]
    first, last = word[0], word.removesuffix("*")[-1]
    return (
        (r"\b" if _is_plain(first) else "")
        + r"[^\w?!]{1,4}".join(parts)
        + (r"\w*" if stem else r"\b" if _is_plain(last) else "")
    )


def _hints(word: str) -> Sequence[str]:
    """What every match contains, for the gate: the longest part in ASCII, or the parts as they may be spelt."""
    parts = _WORD.findall(word.removesuffix("*"))
    plain = [piece for part in parts for piece in re.findall(r"[ -~]+", part)]
    best = max(plain, key=len, default="")
    if len(best) >= 3:  # noqa: PLR2004 - shorter ones are everywhere
        return (re.escape(best[:_HINT]),)
    longest = max(parts, key=len)[: _HINT // 4]
    return tuple({re.escape(form(longest)) for form in (str, str.lower, str.upper, str.title)})


def _is_plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")
