"""`kill -9` at random under load, and what must be true of the log afterwards.

As a program, `python tests/helpers/kills.py [KILLS] [SEED]` runs a campaign in a temporary folder, prints what it
measured, and exits with 1 if anything was lost or a start took longer than it may.
"""
# ruff: noqa: T201 - also a program

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import signal
import ssl
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from whole import family, modes, pid_of, prepared, wait_for

from sallyport.audit.prove import verify_receipt
from sallyport.audit.reader import LogReader
from sallyport.audit.shard import shards_of
from sallyport.gateway.own.evidence import Where
from sallyport.gateway.records import commitment
from sallyport.keys.sealing import Sealer
from sallyport.settings import load
from sallyport.wiring.evidence import LogEvidence
from sallyport.wiring.offline import open_keyring

CALLERS = 32
START_SECONDS = 5.0
VICTIMS = ("worker", "edge", "supervisor")
TEXT = "Tell me of the sea, of the ships upon it, and of the people who wait at the shore for them. " * 2
SHORT_LIVED = (".sock", "-wal", "-shm", ".new")


@dataclass
class Load:
    """Callers that go on whatever happens, and what they received."""

    url: str
    key: str
    trust: ssl.SSLContext
    whole: list[tuple[str, bytes]] = field(default_factory=list)  # request id, bytes, of whole answers
    began: float = 0.0  # when the newest whole answer was asked for
    other: Counter = field(default_factory=Counter)
    uncoded: list[str] = field(default_factory=list)

    def __enter__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    async def _run(self):
        await asyncio.gather(*(self._caller(number) for number in range(CALLERS)))

    async def _caller(self, number):
        headers = {"authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(
            base_url=self.url, verify=self.trust, headers=headers, timeout=20
        ) as http:
            while not self._stop.is_set():
                try:
                    await self._call(http, stream=number % 2 == 0)
                except httpx.HTTPError as error:
                    self.other[type(error).__name__] += 1
                    await asyncio.sleep(0.2)
                except Exception as error:  # noqa: BLE001 - nothing may end the load unnoticed
                    self.uncoded.append(f"a caller met {error!r}")
                    await asyncio.sleep(0.2)

    async def _call(self, http, *, stream):
        began = time.monotonic()
        body = {"model": "support-chat", "messages": [{"role": "user", "content": TEXT}], "stream": stream}
        async with http.stream("POST", "/v1/chat/completions", json=body) as answer:
            data = await answer.aread()
        if answer.status_code != 200:
            self.other[code_of(answer.status_code, data, self.uncoded)] += 1
            await asyncio.sleep(0.1)
        elif is_whole(data, stream=stream):
            self.whole.append((answer.headers["x-request-id"], data))
            self.began = max(self.began, began)
        else:
            self.other["cut with an error event" if b'"error"' in data else "cut"] += 1


def code_of(status, data, uncoded):
    """The code of an error; one without a code is a finding."""
    try:
        return json.loads(data)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        uncoded.append(f"{status} {data[:100]!r}")
        return f"{status} without a code"


def is_whole(data, *, stream):
    if stream:
        return data.endswith(b"data: [DONE]\n\n")
    try:
        return bool(json.loads(data)["choices"])
    except ValueError:
        return False


@dataclass
class Report:
    kills: Counter = field(default_factory=Counter)
    starts: list[float] = field(default_factory=list)  # seconds from `up` to the first answer
    returns: list[float] = field(default_factory=list)  # seconds from the kill of a child to the next answer
    load: Load | None = None
    checked: int = 0
    orphans: int = 0
    problems: list[str] = field(default_factory=list)


def campaign(folder: Path, kills: int, seed: int) -> Report:
    """Kill, look, kill again; then compare what callers hold with what the log says."""
    chance, report = random.Random(seed), Report()
    door = prepared(folder).start()
    seen: set[int] = set()
    key = door.login("sam")
    before = modes(door.state)
    try:
        with Load(door.url, key, door.trust()) as report.load:
            wait_for(lambda: report.load.whole, "a first answer")
            for number in range(kills):
                time.sleep(chance.uniform(0.1, 1.5))
                _kill(door, VICTIMS[number % len(VICTIMS)], report, seen)
        report.problems += _receipts(door, key, report, chance)
        seen |= set(family(door.process.pid))
    finally:
        code = door.stop()
    if code != 0:
        report.problems.append(f"the door stopped with {code}")
    report.problems += [*_left(door, seen), *_modes(before, modes(door.state)), *report.load.uncoded]
    verified = door.run("audit", "verify", "--dir", str(door.state / "audit"), check=False)
    if verified.returncode != 0:
        report.problems.append(verified.stdout[-500:])
    asyncio.run(_compare(door.state, report))
    return report


def _kill(door, victim, report, seen):
    pid = wait_for(lambda: pid_of(door, victim), victim)
    seen |= set(family(door.process.pid))
    report.kills[victim] += 1
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    if victim != "supervisor":
        _wait_for_answer(door, report.load, killed, victim)
        report.returns.append(time.monotonic() - killed)
        return
    door.process.wait(10)
    started = time.monotonic()
    door.start()
    _wait_for_answer(door, report.load, started, victim)
    report.starts.append(time.monotonic() - started)


def _wait_for_answer(door, load, since, victim):
    try:
        wait_for(lambda: load.began > since, f"an answer after the kill of the {victim}")
    except AssertionError as error:
        raise AssertionError(
            f"{error}: {load.other} {load.uncoded[-3:]}\n{door.log.read_text()[-2000:]}"
        ) from None


def _receipts(door, key, report, chance):
    """Some receipts as their caller gets them from the door."""
    problems = []
    with httpx.Client(base_url=door.url, verify=door.trust(), timeout=20) as http:
        for request, data in chance.sample(report.load.whole, min(10, len(report.load.whole))):
            answer = http.get(f"/sallyport/v1/receipts/{request}", headers={"authorization": f"Bearer {key}"})
            found = verify_receipt(answer.json(), delivered=data)
            if not found.ok or len(found.entries) != 2 or not found.delivered:
                problems.append(f"receipt of {request}: {answer.status_code} {found.problems}")
    return problems


def _left(door, seen):
    problems = [f"process {pid} is left" for pid in seen if Path(f"/proc/{pid}").exists() and _runs(pid)]
    problems += [f"{path} is left" for path in (door.state / "run").glob("*.sock")]
    for path in door.state.rglob("lock"):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                problems.append(f"{path} is held")
    return problems


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _modes(before, after):
    problems = [
        f"{path} had mode {mode} and has {after.get(path)}"
        for path, mode in before.items()
        if not path.startswith("audit") and not path.endswith(SHORT_LIVED) and after.get(path) != mode
    ]
    secret = ("state.db", "root.key", "authority.key", "server.pem", "model.key", "people.json")
    return problems + [
        f"{path} is open to others"
        for path, mode in after.items()
        if (path.startswith("audit") or path.endswith(secret)) and int(mode, 8) & 0o077
    ]


async def _compare(state, report):
    """Every whole answer has its intent and its outcome, and the outcome commits to its bytes."""
    entries, orphans = _entries(state / "audit", report)
    report.orphans = len(orphans)
    async with open_keyring(load(state / "sallyport.toml")) as (keyring, *_):
        evidence = LogEvidence(state / "audit", Sealer(keyring))
        for request, data in report.load.whole:
            intent, outcome = entries.get(request, {}).get("intent"), entries.get(request, {}).get("outcome")
            if intent is None or outcome is None:
                report.problems.append(
                    f"{request} was answered whole and has {list(entries.get(request, {}))}"
                )
                continue
            shard, index, entry = outcome
            where = Where(request=request, who="", shard=shard, intent=intent[1], outcome=index)
            if commitment(await evidence.opening(where), data) != entry["commitment"]:
                report.problems.append(f"{request} was answered with other bytes than the log says")
            report.checked += 1
    for request, found in entries.items():
        ends = ("outcome" in found) + (request in orphans)
        if "intent" in found and ends != 1:
            report.problems.append(f"the call {request} has {ends} ends in the log")


def _entries(directory, report):
    """Per request its entries by kind, and the requests that recovery entries end."""
    entries: dict[str, dict] = {}
    orphans: Counter = Counter()
    for place in shards_of(directory):
        for index, data in LogReader(place).entries():
            entry = json.loads(data)
            if entry["kind"] in {"intent", "outcome"}:
                of_request = entries.setdefault(entry["request"], {})
                if entry["kind"] in of_request:
                    report.problems.append(f"{entry['request']} has two entries of kind {entry['kind']}")
                of_request[entry["kind"]] = (place.name, index, entry)
            for orphan in entry.get("orphans", ()):
                orphans[orphan["request"]] += 1
    report.problems += [f"{r} is told as an orphan {n} times" for r, n in orphans.items() if n > 1]
    return entries, orphans


def main(arguments):
    kills = int(arguments[0]) if arguments else 50
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(10**6)
    print(f"{kills} kills, {CALLERS} callers, seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        report = campaign(Path(folder) / "door", kills, seed)
    late = [seconds for seconds in report.starts if seconds > START_SECONDS]
    print(f"killed: {dict(report.kills)}")
    print(
        f"whole answers: {len(report.load.whole)}, each with intent, outcome and its bytes: {report.checked}"
    )
    print(f"otherwise ended: {dict(report.load.other)}; orphans told by recovery entries: {report.orphans}")
    print(f"from `up` to the first answer: {_spread(report.starts)}; over {START_SECONDS:g} s: {len(late)}")
    print(f"from the death of a child to the next answer: {_spread(report.returns)}")
    for problem in report.problems:
        print(f"PROBLEM: {problem}")
    return 1 if report.problems or late else 0


def _spread(values):
    ordered = sorted(values) or [0.0]
    return f"median {ordered[len(ordered) // 2]:.2f} s, longest {ordered[-1]:.2f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
