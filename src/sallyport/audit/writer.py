"""The appender of a worker: one thread commits batches, one publishes; callers await their own entry.

The commit thread also encodes the entries and seals their payloads, one after the other: the same code over and over
is faster than between all that the event loop does. A batch is one write and one sync, then all who wait are answered
with one call into the event loop. A lone caller is not delayed. While other calls are in flight (intents without an outcome) batches begin `window` seconds apart, or as soon
as all calls in flight wait.
After any OSError nothing is retried and every append is refused until `reopen`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from sallyport.audit.form import encode_entry, named
from sallyport.audit.log import Item, Log
from sallyport.audit.note import Signer
from sallyport.audit.promise import MAX_BATCH, Batch
from sallyport.audit.tiles import prefixed
from sallyport.errors import LogFault
from sallyport.model import Appended

PROMISED = frozenset({"intent", "refusal", "admin"})  # the kinds whose answer carries a receipt
# What may use the reserve: administrators, and the end of calls that were let in before it was reached.
RESERVED = frozenset({"admin", "outcome", "recovery", "beat", "shard"})
MAX_WAITING = 65_536
MAX_BATCH_BYTES = 8 * 1024 * 1024

Future = asyncio.Future[Appended]
Making = Callable[[], bytes]  # seals, when the entry's turn comes
Waiting = tuple[Future | None, Mapping[str, object], int, bytes | Making | None]
Made = tuple[Future | None, Item]


class Pace(Struct, frozen=True, kw_only=True):
    """Times in seconds, space in bytes."""

    checkpoint: float = 1.0
    beat: float = 60.0
    window: float = 0.001
    reserve_bytes: int = 0


class LogWriter:
    """Appends to one shard, from one event loop. Made by `shard.open_shard`."""

    def __init__(
        self,
        shard: str,
        log: Log,
        signer: Signer,
        pace: Pace,
        *,
        again: Callable[[int, dict[str, int]], Log],
        ended: Callable[[Log], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.shard, self._log, self._signer, self._pace = shard, log, signer, pace
        self._again, self._ended, self._now = again, ended, now
        self._queue: deque[Waiting] = deque()
        self._gate = threading.Lock()
        self._asleep = False
        self._target = 1
        self._broken: str = ""
        self._full = False
        self._closed = False
        self._unended: dict[str, int] = {}  # calls whose outcome the log did not take
        self.when_refused: Callable[[], None] = lambda: None  # called in the event loop
        self._last_append = 0.0
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._measure()
        self._start()

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._log.size

    @property
    def fault(self) -> str:
        """Why appends are refused, "" if they are not."""
        return self._broken or ("disk_full" if self._full else "")

    async def append(self, entry: Mapping[str, object], payload: bytes | Making | None = None) -> Appended:
        """Durable when it returns. `entry` is not to be changed any more.

        `payload` is sealed bytes, or makes them in the commit thread; their SHA-256 is put into the entry.
        Raises LogFault: `log_unavailable` (schema, disk fault, closed), `disk_full` (the reserve is reached); and what
        making the payload raises.
        """
        if self._broken or self._full or len(self._queue) >= MAX_WAITING:
            self._let_in(entry)
        future: Future = asyncio.get_running_loop().create_future()
        self._queue.append((future, entry, int(self._now() * 1000), payload))
        if self._asleep and len(self._queue) >= self._target:
            self._ring()
        return await future

    def _let_in(self, entry: Mapping[str, object]) -> None:
        kind, request = named(entry)
        if self._broken or kind not in RESERVED or len(self._queue) >= MAX_WAITING:
            raise self._refused(kind, request)

    async def reopen(self) -> None:
        """After a fault: check what is on the disk, cut what nobody was told of, and take entries again.

        Raises LogFault if the disk still fails or history is not what was signed; then it stays refused.
        """
        if self._closed or not self._broken:
            return
        await asyncio.to_thread(self._halt)
        unended, self._unended = self._unended, {}
        try:
            await asyncio.to_thread(self._open_again, unended)
        except LogFault:
            self._unended = unended | self._unended
            raise

    def close(self) -> None:
        """Commit what waits, publish a last checkpoint, release the shard. Later appends are refused.

        Closing twice does nothing.
        """
        if self._closed:
            return
        self._closed = True
        self._halt()
        try:
            if not self._broken:
                self._broken = "the log is closed"
                self._log.publish()
        except OSError as error:
            self._break(error)
        finally:
            self._ended(self._log)

    # the commit thread

    def _start(self) -> None:
        self._stop = threading.Event()
        self._last_append = time.monotonic()
        for name, work in (("commit", self._commit_loop), ("publish", self._publish_loop)):
            thread = threading.Thread(target=work, name=f"audit-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _halt(self) -> None:
        self._stop.set()
        self._ring()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _ring(self) -> None:
        self._asleep = False
        with suppress(RuntimeError):  # it is ringing already
            self._gate.release()

    def _sleep(self, target: int, seconds: float) -> None:
        """Until `target` entries wait, or the time is over (-1: no limit), or someone rings."""
        self._gate.acquire(blocking=False)
        self._target = target
        self._asleep = True
        if len(self._queue) < target and not self._stop.is_set():
            self._gate.acquire(timeout=seconds)
        self._asleep = False

    def _commit_loop(self) -> None:
        began = 0.0
        while not (self._stop.is_set() and not self._queue):
            if not self._queue:
                self._sleep(1, -1)
            in_flight = len(self._log.open.intents)
            rest = began + self._pace.window - time.monotonic()
            if rest > 0 and len(self._queue) < in_flight:
                self._sleep(in_flight, rest)
            began = time.monotonic()
            batch = self._next_batch()
            if batch:
                self._commit(batch)

    def _next_batch(self) -> list[Made]:
        """Seal and encode what waits: one after the other, which is faster than each among other work."""
        batch: list[Made] = []
        failed: list[tuple[Future, Exception]] = []
        size = 0
        while self._queue and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            future, entry, now, payload = self._queue.popleft()
            try:
                item = made(entry, now, payload() if callable(payload) else payload)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one entry is told to its caller
                if future is not None:
                    failed.append((future, error))
                continue
            batch.append((future, item))
            size += len(item.prefixed) + len(item.payload or b"")
        if failed:
            self._call(failed[0][0], self._fail, failed)
        return batch

    def _commit(self, batch: list[Made]) -> None:
        items = [item for _, item in batch]
        if self._broken:
            self._answer(batch, None)
            return
        try:
            first, leaves = self._log.commit(items)
            self._last_append = time.monotonic()
            self._answer(batch, self._appended(items, first, leaves))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing more is acknowledged
            self._break(error)
            self._answer(batch, None)

    def _appended(self, items: list[Item], first: int, leaves: list[bytes]) -> list[Appended]:
        wanted = any(item.kind in PROMISED for item in items)
        promises = Batch(self.shard, first, leaves, self._signer) if wanted else None
        return [
            Appended(
                shard=self.shard,
                index=first + i,
                leaf_hash=leaf,
                promise=promises.value(i) if promises and items[i].kind in PROMISED else "",
            )
            for i, leaf in enumerate(leaves)
        ]

    def _answer(self, batch: list[Made], results: list[Appended] | None) -> None:
        future = next((future for future, _ in batch if future is not None), None)
        if future is not None:
            self._call(future, self._settle, batch, results)

    def _call(self, future: Future, *what: Any) -> None:
        """In the event loop that waits for this future."""
        with suppress(RuntimeError):  # the loop was closed while the entry became durable
            future.get_loop().call_soon_threadsafe(*what)

    def _fail(self, failed: list[tuple[Future, Exception]]) -> None:
        for future, error in failed:
            if not future.done():
                future.set_exception(error)

    def _settle(self, batch: list[Made], results: list[Appended] | None) -> None:
        """In the event loop: wake everyone of a batch."""
        for position, (future, item) in enumerate(batch):
            if results is None:
                fault = self._refused(item.kind, item.request)
                if future is not None and not future.done():
                    future.set_exception(fault)
            elif future is not None and not future.done():
                future.set_result(results[position])

    def _refused(self, kind: str, request: str) -> LogFault:
        # Also an intent: it may be durable although its caller could not be answered.
        if kind in {"intent", "outcome"} and request in self._log.open.intents:
            self._unended[request] = self._log.open.intents[request]
        self.when_refused()
        if not self._broken and self._full:
            return LogFault("the disk reserve is reached", code="disk_full")
        return LogFault(self._broken or "too many entries are waiting")

    def _break(self, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        self._broken = self._broken or f"the log cannot be written: {reason}"

    # the publishing thread

    def _publish_loop(self) -> None:
        due = time.monotonic() + self._pace.checkpoint
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._pace.checkpoint
            if self._broken:
                continue
            try:
                self._measure()
                if self._log.size != self._log.published:
                    self._log.publish()
            except Exception as error:  # noqa: BLE001 - a log that cannot be published takes no more
                self._break(error)
            self._beat()

    def _measure(self) -> None:
        self._full = self._log.files.free(self._log.directory) < self._pace.reserve_bytes

    def _beat(self) -> None:
        if time.monotonic() - self._last_append >= self._pace.beat and not self._broken:
            self._queue.append((None, {"kind": "beat"}, int(self._now() * 1000), None))
            self._ring()

    def _open_again(self, unended: dict[str, int]) -> None:
        keep = self._log.size
        with suppress(OSError):
            self._log.close()
        try:
            self._log = self._again(keep, unended)
            self._measure()
        except OSError as error:
            raise LogFault(f"the log cannot be opened again: {error.strerror}") from None
        self._broken = ""
        self._start()


def made(entry: Mapping[str, object], now_ms: int, payload: bytes | None) -> Item:
    """The entry as it goes into the log. Raises LogFault as `encode_entry`."""
    data = encode_entry(entry, now_ms, payload)
    return Item(prefixed(data), *named(entry), payload)
