"""The worker process: reads tasks from its standard input, answers on its standard output, knows nothing else.

Started by `pool` as `python -I -m sallyport.inspection.worker` with an empty environment. It limits its own
memory, leaves no core files, dies with its parent, and cannot write into the protocol by printing.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

import msgspec

from sallyport.inspection import wire
from sallyport.inspection.detector import Detector
from sallyport.inspection.engine import Engine
from sallyport.inspection.leakage import fingerprints
from sallyport.model import Channel, Direction, Finding

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the parent closes the pipe."""
    reader, writer = _own_pipes()
    _die_with_parent()
    setup = msgspec.msgpack.decode(_read(reader), type=wire.Setup)
    _limit(setup.memory_mb)
    sys.path[:] = setup.path
    try:
        name, version, scan = _plug_in(setup.factory) if setup.factory else _built_in(setup)
    except Exception as error:  # noqa: BLE001 - whatever a plug-in raises is reported by its class
        _write(writer, wire.Reply(error=type(error).__name__))
        return
    del setup  # several megabytes
    _give_back_memory()
    _write(writer, wire.Reply(name=name, version=version))
    while frame := _read(reader):
        _write(writer, _answer(scan, msgspec.msgpack.decode(frame, type=wire.Task)))


def _answer(scan: Callable[[wire.Task], tuple[Finding, ...]], task: wire.Task) -> wire.Reply:
    try:
        return wire.Reply(findings=scan(task))
    except Exception as error:  # noqa: BLE001 - the parent refuses the call; the text of the error may hold payload
        return wire.Reply(error=type(error).__name__)


def _built_in(setup: wire.Setup) -> tuple[str, str, Callable[[wire.Task], tuple[Finding, ...]]]:
    engine = Engine(setup.options, setup.gates)

    def scan(task: wire.Task) -> tuple[Finding, ...]:
        known = fingerprints(task.system) if task.system else None
        return engine.scan(task.texts, task.direction, system_fingerprints=known)

    return "", engine.version, scan


def _plug_in(factory: str) -> tuple[str, str, Callable[[wire.Task], tuple[Finding, ...]]]:
    module, _, function = factory.partition(":")
    detector: Detector = getattr(importlib.import_module(module), function)()

    # A detector of ours may share its time between the texts of a call.
    scan_all = getattr(detector, "scan_all", None) or partial(_one_by_one, detector)

    def scan(task: wire.Task) -> tuple[Finding, ...]:
        return tuple(
            msgspec.structs.replace(finding, leaf=leaf)
            for leaf, found in enumerate(scan_all(task.texts, task.direction))
            for finding in found
        )

    return str(detector.name), str(detector.version), scan


def _one_by_one(
    detector: Detector, texts: Sequence[tuple[str, Channel]], direction: Direction
) -> Iterator[Sequence[Finding]]:
    return (detector.scan(text, channel, direction) for text, channel in texts)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Private copies of the pipes; the standard ones lead nowhere."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return reader, writer


def _die_with_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _give_back_memory() -> None:
    """What the start needed for a while goes back to the system (glibc only)."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _limit(memory_mb: int) -> None:
    size = memory_mb * 1_048_576
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(reader: BinaryIO) -> bytes:
    prefix = reader.read(wire.PREFIX_BYTES)
    return reader.read(int.from_bytes(prefix, "big")) if len(prefix) == wire.PREFIX_BYTES else b""


def _write(writer: BinaryIO, reply: wire.Reply) -> None:
    writer.write(wire.framed(msgspec.msgpack.encode(reply)))
    writer.flush()


if __name__ == "__main__":
    main()
