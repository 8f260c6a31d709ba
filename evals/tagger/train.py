"""Trains the tagger: a linear-chain CRF over the features of `sallyport.inspection.tagging.words`.

See scripts/train-tagger. Writes the packed weights that the package ships.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pycrfsuite

from evals.tagger import corpus, lists, pack
from evals.tagger.values import Values
from sallyport.inspection.tagging import words

HERE = Path(__file__).parent
_SEED = 20261124
_TIMES = {"wnut17_train": 4, "presidio_synth_v2": 2, "presidio_generated_large": 2}
_NEGATIVES, _PLANTED, _CAPITALISED = 6000, 4500, 1800
_UNLISTED, _UNWORDED = (
    0.30,
    0.25,
)  # shares of names that are seen as if no list, or no training text, had them


def main() -> None:
    """Train and write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--words", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--rounds", type=int, default=50)
    arguments.add_argument("--fills", type=int, default=12)
    given = arguments.parse_args()
    started = time.monotonic()
    rng = random.Random(_SEED)
    known = lists.build(given.words)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(
        {
            "c1": 0.12,
            "c2": 0.01,
            "max_iterations": given.rounds,
            "feature.minfreq": 2,
            "feature.possible_transitions": True,
        }
    )
    count = 0
    for text in examples(given.data, given.fills, known, rng):
        rows, labels = encoded(text, known, rng)
        if rows:
            trainer.append(rows, labels)
            count += len(rows)
    print(
        f"{count} words, {len(known)} listed, {time.monotonic() - started:.0f} s to write the texts",
        flush=True,
    )
    with tempfile.NamedTemporaryFile(suffix=".crf") as model:
        trainer.train(model.name)
        size = pack.write(model.name, known, given.out)
    print(f"{size} bytes, {time.monotonic() - started:.0f} s in all")


def examples(data: Path, fills: int, known: dict[str, str], rng: random.Random) -> Iterator[corpus.Text]:
    """All training texts."""
    training, _ = corpus.public(data)
    values = Values(_SEED, pools(training))
    for source, texts in training.items():
        for text in texts * _TIMES.get(source, 1):
            if "presidio" in source:
                text = refilled(text, values, rng) if rng.random() < 0.6 else text
            elif rng.random() < 0.6:
                text = corpus.joined(text)
            if "wnut" in source and rng.random() < 0.5:
                text = refilled(text, values, rng, only="PER")
            yield corpus.altered(text, rng)
    for language, template in corpus.templates(HERE / "templates"):
        for _ in range(fills if "{" in template else 4):
            yield corpus.altered(corpus.fill(template, language, values), rng)
    learn = [text for text in corpus.benign(data)[0] if not names_anybody(text, known)]
    rng.shuffle(learn)
    for text in learn[:_NEGATIVES]:
        yield text[:600], []
    for text in learn[-_CAPITALISED:]:
        yield corpus.capitalised(text[:300], rng)
    for text in learn[:_PLANTED]:
        yield corpus.altered(corpus.planted(text[:300], values, rng), rng)


def names_anybody(text: str, known: dict[str, str]) -> bool:
    """Whether a word of the text is a listed name or place and no English word."""
    return any(
        "E" not in known.get(match[0].lower(), "E")
        for match in words.WORD.finditer(text)
        if match[0].isalpha()
    )


def pools(training: dict[str, list[corpus.Text]]) -> dict[str, list[str]]:
    """Values of the public training texts, for our templates."""
    found: dict[str, list[str]] = {}
    for source, texts in training.items():
        if source.startswith("sec"):
            continue
        for text, spans in texts:
            for start, end, label in spans:
                value = text[start:end]
                if label == "LOC":
                    found.setdefault("CITY", []).append(value)
                elif label == "ADR" and len(value) > 12:
                    found.setdefault("ADR" if "presidio_synth" in source else "STREET", []).append(value)
                elif label == "ORG" or (label == "PER" and " " in value):
                    found.setdefault(label, []).append(value)
    return found


def refilled(text: corpus.Text, values: Values, rng: random.Random, only: str = "") -> corpus.Text:
    """The text with other people, places and companies in it."""
    string, spans = text
    parts, moved, at, size = [], [], 0, 0
    for start, end, label in spans:
        if start < at:
            return text
        value = string[start:end]
        if not only or only == label:
            long = " " in value
            kind = {
                "PER": "person" if long else rng.choice(["first", "last"]),
                "LOC": "city",
                "ORG": "org",
                "ADR": "address",
            }[label]
            if label != "ADR" or len(value) > 12:
                value = values.draw(kind, rng.choice(["en", "en", "de", "fr", "es", "it", "nl", "pl", "pt"]))[
                    0
                ]
        parts += [string[at:start], value]
        size += start - at
        moved.append((size, size + len(value), label))
        size += len(value)
        at = end
    return "".join((*parts, string[at:])), moved


def encoded(
    text: corpus.Text, known: dict[str, str], rng: random.Random
) -> tuple[list[list[str]], list[str]]:
    """Features and labels of a text; some names are seen as if they were not listed, so that context is learned."""
    string, spans = text
    mode = words.mode_of(string)
    matches = list(words.WORD.finditer(string))
    labels = ["O"] * len(matches)
    hidden, unnamed = set(), set()
    for start, end, label in spans:
        inside = [n for n, m in enumerate(matches) if m.start() < end and m.end() > start]
        for n in inside:
            labels[n] = f"{'B' if n == inside[0] else 'I'}-{label}"
        draw = rng.random()
        if draw < _UNLISTED:
            hidden.update(inside)
        if draw < _UNWORDED:
            unnamed.update(inside)
    tokens = [m[0] for m in matches]
    seen = []
    for n, word in enumerate(tokens):
        lists_of = "" if n in hidden and word.isalpha() else known.get(word.lower(), "")
        one = words.seen_of(word, mode, lists_of)
        seen.append(one)
    rows = words.features(tokens, seen)
    for n in unnamed:
        if tokens[n].isalpha():
            rows[n] = [feature for feature in rows[n] if feature[0] not in "wz"]
    return rows, labels


if __name__ == "__main__":
    main()
