"""One child process: started with its secrets in a descriptor, watched by its heartbeat, ended for certain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from sallyport.errors import SallyportError
from sallyport.stores.shelf import Shelf

TICK = 0.5  # seconds between two heartbeats, and between two looks at them
NOT_USABLE = 78  # sysexits.h EX_CONFIG: starting again cannot help
Say = Callable[[str, str], None]  # (name of the child, one line)


class ChildSpec(Struct, frozen=True, kw_only=True):
    """What a child is.

    In `command`, `{payload}`, `{beat}`, `{listener}` and `{shelf}` become descriptor numbers, `{parent}` our process id. A child without `ready` beats: it writes a byte every `TICK` from its event loop; the first says that it is
    ready, and `silent_seconds` without one that it hangs.
    """

    name: str
    command: tuple[str, ...]
    payload: bytes = b""  # handed over in an anonymous file, never in argv or the environment
    listener: socket.socket | None = None  # stays open here, so that callers wait while a child is replaced
    shelf: Shelf | None = None  # what one life leaves to the next
    ready: Callable[[], bool] | None = None
    before: Callable[[], None] = lambda: None  # raises SettingsError where a start would be pointless
    explain: Callable[[Sequence[str]], str] = lambda lines: lines[-1] if lines else "it said nothing"
    start_seconds: float = 30.0
    silent_seconds: float = 10.0
    stop_seconds: float = 10.0

    def __repr__(self) -> str:
        return f"ChildSpec({self.name!r})"


class StartFailed(SallyportError):
    """A child did not come up. `final`: it never will with this configuration."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Child:
    """One running child. `start`, then `watch`, then `stop`; and again."""

    def __init__(self, spec: ChildSpec, say: Say) -> None:
        self.spec = spec
        self._say = say
        self._process: Process | None = None
        self._last: deque[str] = deque(maxlen=20)
        self._relay: asyncio.Task[None] | None = None
        self._beat: int | None = None
        self._heard = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises `StartFailed` or `SettingsError`; then nothing is left."""
        self.spec.before()
        self._last.clear()
        self._heard.clear()
        try:
            await self._spawn()
            async with asyncio.timeout(self.spec.start_seconds):
                await self._until_ready()
        except TimeoutError:
            await self._end()
            raise StartFailed(f"{self.spec.name} was not ready after {self.spec.start_seconds:g} s") from None
        except BaseException:
            await self._end()
            raise

    async def watch(self) -> str:
        """Wait until it ends or hangs (then it is killed). Returns why."""
        silent = 0
        while not await self._ended(TICK):
            silent = 0 if self._heard.is_set() or self.spec.ready else silent + 1
            self._heard.clear()
            # Ticks, not a clock: if we were stopped ourselves, the child gets its time again.
            if silent * TICK >= self.spec.silent_seconds:
                await self._end()
                return f"{self.spec.name} did not answer for {self.spec.silent_seconds:g} s and was killed"
        reason = await self._reason()
        await self._end()
        return reason

    async def stop(self) -> None:
        """Ask it to end, and kill it when it takes too long."""
        if self.pid:
            self._signal(signal.SIGTERM)
            await self._ended(self.spec.stop_seconds)
        await self._end()

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    async def _spawn(self) -> None:
        descriptors = {"payload": os.memfd_create(self.spec.name), "beat": -1, "listener": -1, "shelf": -1}
        try:
            with open(descriptors["payload"], "wb", closefd=False) as file:  # noqa: ASYNC230 - memory
                file.write(self.spec.payload)
            os.lseek(descriptors["payload"], 0, os.SEEK_SET)
            if self.spec.ready is None:
                self._beat, descriptors["beat"] = os.pipe()
                os.set_blocking(self._beat, False)
                asyncio.get_running_loop().add_reader(self._beat, self._hear, self._beat)
            if self.spec.listener is not None:
                descriptors["listener"] = self.spec.listener.fileno()
            if self.spec.shelf is not None:
                descriptors["shelf"] = self.spec.shelf.fileno()
            self._process = await asyncio.create_subprocess_exec(
                *(part.format_map({**descriptors, "parent": os.getpid()}) for part in self.spec.command),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                pass_fds=[number for number in descriptors.values() if number >= 0],
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor alone
            )
        finally:
            os.close(descriptors["payload"])
            if descriptors["beat"] >= 0:
                os.close(descriptors["beat"])
        self._relay = asyncio.create_task(self._relay_lines(self._process))

    async def _until_ready(self) -> None:
        while not (self.spec.ready() if self.spec.ready else self._heard.is_set()):
            if await self._ended(0.02):
                assert self._process is not None
                raise StartFailed(await self._reason(), final=self._process.returncode == NOT_USABLE)

    async def _ended(self, seconds: float) -> bool:
        assert self._process is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
        return self._process.returncode is not None

    async def _reason(self) -> str:
        assert self._process is not None
        if self._relay is not None:
            await asyncio.wait({self._relay}, timeout=1)  # its last words may still be in the pipe
        return f"{self.spec.name} {_how(self._process.returncode)}: {self.spec.explain(list(self._last))}"

    async def _end(self) -> None:
        """Nothing of it is left afterwards: no process of its session, no task, no descriptor."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        if self._relay is not None:
            self._relay.cancel()
            await asyncio.wait({self._relay})
            self._relay = None
        if self._beat is not None:
            asyncio.get_running_loop().remove_reader(self._beat)
            os.close(self._beat)
            self._beat = None
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        """To its whole session when killing, so that helpers of a worker end with it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def _hear(self, beat: int) -> None:
        try:
            heard = os.read(beat, 4096)
        except BlockingIOError:
            return
        if heard:
            self._heard.set()
        else:
            asyncio.get_running_loop().remove_reader(beat)

    async def _relay_lines(self, process: Process) -> None:
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(4096):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-4096:]
            for line in lines:
                self._keep(line)
        if rest:
            self._keep(rest)

    def _keep(self, line: bytes) -> None:
        # A line may quote what a caller sent; a terminal would obey control characters in it (CWE-150).
        text = "".join(c if c.isprintable() else "\ufffd" for c in line.decode("utf-8", "replace").rstrip())
        self._last.append(text)
        self._say(self.spec.name, text)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"exited with code {code}"
