"""Plug-in detectors that misbehave on command: the text says in which direction, and how ("output:hang")."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import time

from sallyport.model import Finding

COMMAND = re.compile(r"\b(input|output):([a-z_]+)")


def hang():
    ctypes.CDLL(None).pause()


def catastrophe():
    re.match(r"(a+)+$", "a" * 64 + "!")


def allocate():
    kept = []
    while True:
        kept.append(bytearray(64 * 1_048_576))


def recurse():
    return recurse()


def children():
    for _ in range(3):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    hang()


def crash():
    ctypes.string_at(0)


def scribble():
    """Writes over whatever descriptors there are, so that the protocol is broken."""
    for descriptor in range(64):
        try:
            os.write(descriptor, b"\xff" * 64)
        except OSError:
            continue
    hang()


def sing():
    print("nothing of this reaches the protocol", flush=True)  # noqa: T201 - that is the point
    sys.exit("nor does this")


def boom():
    raise RuntimeError("the text of this error holds walnutpayload")


def finding(text, **more):
    return Finding(**{"type": "hostile.word", "start": 0, "end": len(text), **more})


ACTS = {
    "raise": boom,
    "hang": hang,
    "catastrophe": catastrophe,
    "allocate": allocate,
    "recurse": recurse,
    "children": children,
    "crash": crash,
    "scribble": scribble,
    "leave": sing,
    "vanish": lambda: os._exit(0),
    "slow": lambda: time.sleep(60),
}
LIES = {
    "outside": lambda text: [finding(text, end=len(text) + 1)],
    "negative": lambda text: [finding(text, start=-1)],
    "empty_span": lambda text: [finding(text, end=0)],
    "unknown_type": lambda text: [finding(text, type="made_up")],
    "wild_score": lambda text: [finding(text, score=float("nan"))],
    "too_many": lambda text: [finding(text)] * 20_000,
    "wrong_kind": lambda text: ["hostile.word"],
    "wrong_fields": lambda text: [finding(text, start="0")],
    "nothing": lambda text: None,
}
WORDS = {
    "word": lambda text: [finding(text)],
    # The action is ours to decide: what a detector says of it does not count.
    "permit": lambda text: [finding(text, action="allow", layer="rules", leaf=7, score=0.0)],
}


class Hostile:
    name, version = "hostile", "1"

    def scan(self, text, channel, direction):
        command = COMMAND.search(text)
        if command is None or command[1] != direction:
            return []
        if command[2] in ACTS:
            ACTS[command[2]]()
            return []
        return {**LIES, **WORDS}[command[2]](text)


def broken():
    raise RuntimeError("cannot be built")
