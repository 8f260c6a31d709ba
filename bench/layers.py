"""What each layer of the inspection costs a text and a kilobyte, and how many texts need the encoder.

`python bench/layers.py [--data DIR]`. Processor time of one thread, one text after another, warm; medians over texts. The texts are those
of `traffic` (a prompt and an answer of ordinary prose); with a folder of labelled texts also everyday ones drawn from it, and the
share of them that needs the encoder. The layers are run by themselves, on everything; in a call the gate decides which of them run at
all (`the engine, as a call runs it`).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from traffic import ANSWER, turn

from sallyport.inspection.engine import Engine, EngineOptions
from sallyport.inspection.leakage import fingerprints
from sallyport.inspection.learned import detector, shipped
from sallyport.inspection.tagging.look import Looker, LookOptions

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
TEXTS, ENCODED, SEED, LONGEST = 300, 60, 7, 4096
PIECE, HELD = 6, 16  # characters of a part of a stream, and those before it that are still held
NAMES = ("person", "street_address", "organisation", "location", "date", "record_number")
Layer = Callable[[str], object]


def layers(engine: Engine) -> dict[str, Layer]:
    """Name -> one look at a text."""
    suspicion = engine.suspicion(shipped.linear())
    known = fingerprints([ANSWER])
    looker = Looker(LookOptions(types=NAMES))

    def readings(text: str) -> list[object]:
        return list(engine._views.views(text, engine._bits, engine._bits(text)))

    def rules(text: str) -> object:
        return engine._instructions(text.encode(), "raw", "user", engine._bits(text), output=False)

    def contents(text: str) -> object:
        return engine._contents.scan(text.encode(), "raw", "assistant", engine._bits(text), output=True)

    def streamed(text: str) -> object:
        watch = engine.watch(known)
        return [watch.quiet(text[at : at + PIECE], min(at, HELD)) for at in range(0, len(text), PIECE)]

    return {
        "gate": engine._bits,
        "gate, decoded views": readings,
        "gate, rules on instructions": rules,
        "identifiers and secrets, all patterns": lambda text: engine._patterns(
            text.encode(), engine._pattern_bits
        ),
        "gate, content rules of answers": contents,
        "the engine, as a call runs it": lambda text: engine.scan(((text, "user"),), "input"),
        "the engine, on an answer": lambda text: engine.scan(((text, "assistant"),), "output"),
        "linear model": suspicion.most,
        "tagger (where settings ask for names)": looker.scan,
        "output watch, in pieces of 6 characters": streamed,
    }


def cost(look: Layer, texts: Sequence[str]) -> tuple[float, float]:
    """Microseconds a text and a kilobyte, medians."""
    for text in texts[: len(texts) // 4]:
        look(text)
    each, per_kb = [], []
    for text in texts:
        began = time.thread_time()
        look(text)
        spent = (time.thread_time() - began) * 1e6
        each.append(spent)
        per_kb.append(spent / (len(text) / 1024))
    return statistics.median(each), statistics.median(per_kb)


def encoder(texts: Sequence[str]) -> tuple[float, float]:
    """The same for the encoder, which is run here in this process on one thread."""
    built = detector.build()
    return cost(lambda text: built.scan(text, "user", "input"), texts)


def everyday(folder: Path) -> list[tuple[str, str]]:
    """(kind, text) of what users write, harmless, drawn with a fixed seed."""
    from evals.data import load  # noqa: PLC0415

    rows = [
        r
        for r in load(folder)
        if not r.attack and r.channel == "user" and r.text.strip() and len(r.text) <= LONGEST
    ]
    draw = random.Random(SEED)
    return [
        (kind, row.text)
        for kind in ("everyday", "hard")
        for row in draw.sample([r for r in rows if r.kind == kind], 1000)
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    engine = Engine(EngineOptions())
    engine.prepare_streams()
    columns = {"a prompt of 0.9 kB": [turn(number) for number in range(TEXTS)]}
    drawn = everyday(options.data) if options.data else []
    if drawn:
        columns["everyday texts"] = [text for kind, text in drawn if kind == "everyday"][:TEXTS]
    print("| layer | " + " | ".join(f"{name}: us a text | us a kB" for name in columns) + " |")
    print("|---|" + "---|---|" * len(columns))
    table = {name: [cost(look, texts) for texts in columns.values()] for name, look in layers(engine).items()}
    table["encoder, in its process"] = [encoder(texts[:ENCODED]) for texts in columns.values()]
    for name, cells in table.items():
        print(f"| {name} | " + " | ".join(f"{one:.1f} | {kb:.1f}" for one, kb in cells) + " |")
    suspicion, parameters = engine.suspicion(shipped.linear()), shipped.parameters()
    for kind in ("everyday", "hard"):
        asked = [parameters.unclear(suspicion.most(text)[0], "user") for k, text in drawn if k == kind]
        if asked:
            print(
                f"\n{100 * sum(asked) / len(asked):.1f} % of {len(asked)} {kind} turns of users need the encoder."
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
