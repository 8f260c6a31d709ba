"""What the corridor needs of the other rooms, as protocols. `wiring` puts the real ones in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from sallyport.errors import Refusal
from sallyport.model import (
    Appended,
    Datum,
    Decision,
    Device,
    Direction,
    Finding,
    Leaf,
    Model,
    Origin,
    Principal,
    TlsFacts,
    Tool,
    Usage,
)

Headers = Sequence[tuple[bytes, bytes]]
Sealed = bytes | Callable[[], bytes]  # a record, or what the log calls, once and in its own thread, to get it


class Identity(Protocol):
    """Who calls."""

    async def identify(self, headers: Headers, tls: TlsFacts) -> Principal | Refusal:
        """The principal behind the headers."""

    def still_valid(self, principal: Principal) -> bool:
        """Whether a running answer may go on."""


class Posture(Protocol):
    """What is known of the device."""

    async def device(self, principal: Principal, headers: Headers, tls: TlsFacts) -> Device | Refusal:
        """The device that holds the key; an unknown one is untrusted, not refused."""


class Question(Struct, frozen=True, kw_only=True):
    """May this principal do this? The facts that policies see."""

    principal: Principal
    device: Device
    tls: TlsFacts
    action: str  # "chat", "embed", "use_tool", "read_log", ...
    model: Model | None = None
    tool: Tool | None = None
    data: Datum | None = None
    surface: str = ""
    stream: bool = False
    tainted: bool = False
    uninspected: str = ""  # a kind of content that nobody can look into
    purpose: str = ""
    self_owned: bool = False
    at: int = 0  # as of when; 0: now


class Access(Protocol):
    """May they."""

    def epoch(self) -> int:
        """Moves whenever something was given or taken away."""

    def stop(self, question: Question) -> Refusal | None:
        """Why an answer that was allowed may not go on, if so: a grant that ended, a lock."""

    def decide(self, question: Question) -> Decision:
        """The policy engine's decision. Anything but a clean Allow is a deny."""

    def refusal(self, decision: Decision, question: Question) -> Refusal:
        """What the caller is told."""

    def visible_models(self, principal: Principal, device: Device, tls: TlsFacts) -> Sequence[Model]:
        """The models that the principal may use."""

    def explain(self, question: Question) -> Mapping[str, Any]:
        """The whole decision, as JSON values."""


class Budgets(Protocol):
    """How much they may."""

    def reserve(
        self, principal: Principal, model: Model, *, input_tokens: int, output_tokens: int, choices: int
    ) -> Any:
        """A reservation, or a `Refusal`. `output_tokens` per choice."""

    def settle(self, reservation: Any, usage: Usage | None) -> None:
        """What was used (None: nothing was sent)."""

    def headers(self, principal: Principal) -> tuple[tuple[str, str], ...]:
        """x-ratelimit-* headers."""


class Reader(Protocol):
    """Somebody who gets data of an answer: the caller, or a tool. See `gateway.reader`."""

    def may_have(self, kind: str, origin: Origin) -> bool:
        """Whether a value of this class may be put in the place of its token."""

    def judged(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """What was found in a model's words, with the actions that this reader's rights make of theirs."""


class Released(Protocol):
    """What a guard lets out."""

    @property
    def text(self) -> str:
        """What may leave."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found meanwhile."""

    @property
    def blocked(self) -> Finding | None:
        """Why the answer ends, or None."""


class Vault(Protocol):
    """The values that a conversation masks."""

    def mask(self, text: str, findings: Sequence[Finding], *, own: bool = False) -> str:
        """The text with its values replaced by tokens, and look-alikes escaped. `own`: the caller wrote it."""

    def mask_arguments(self, text: str, findings: Sequence[Finding]) -> str:
        """The same, of what the caller did not write, inside a JSON text of tool arguments."""

    def is_apart(self, text: str, findings: Sequence[Finding]) -> bool:
        """Whether masking a text takes long, and touches nothing that other calls change: then another thread may do it."""

    def values(self) -> Sequence[tuple[str, str, str]]:
        """(token, type, value) of everything masked so far in this call."""


class StreamGuard(Protocol):
    """The output guard of one answer; the same for streamed and whole ones."""

    def feed_text(self, choice: int, field: str, text: str) -> Released:
        """A text delta."""

    def finish_text(self, choice: int, field: str) -> Released:
        """No more text for this buffer."""

    def whole(self, text: str, findings: Sequence[Finding]) -> Released:
        """A whole text whose findings are known already: redacted and unmasked."""

    def arguments(self, text: str, findings: Sequence[Finding], reader: Reader) -> Released:
        """The same for whole arguments of a tool, who is their reader, inside their JSON."""


class Inspection(Protocol):
    """What it carries."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Detector versions, for the log."""

    @property
    def plug_ins(self) -> frozenset[str]:
        """Layers of detectors that look at streamed text only once it is released."""

    @property
    def data_types(self) -> frozenset[str]:
        """Types of findings that are personal data or secrets: the classes that policies decide about."""

    @property
    def stop_tools(self) -> bool:
        """Whether a tool call is stopped that holds what its tool may not have."""

    async def inspect(
        self,
        leaves: Sequence[Leaf],
        direction: Direction,
        roles: Sequence[str],
        *,
        system: Sequence[str] = (),
        segment: str = "",
    ) -> tuple[Finding, ...]:
        """Findings with their actions. Raises DetectorFault when it cannot finish."""

    def sealed(self, texts: Sequence[str], roles: Sequence[str], segment: str = "") -> Finding | None:
        """What was planted and may not come out, in an answer's texts that only the provider can read."""

    def learn(self, system: Sequence[str]) -> None:
        """Get to know what an answer must not repeat, before it comes; another thread may do it."""

    def vault(self, principal: Principal, conversation: str, segment: str = "") -> Vault:
        """The vault of a conversation ("" for a fresh one)."""

    def guard(
        self,
        vault: Any,
        roles: Sequence[str],
        system: Sequence[str],
        reader: Reader,
        segment: str = "",
        signed: frozenset[str] = frozenset(),
    ) -> StreamGuard:
        """An output guard for one answer to `reader`. Text of `signed` fields leaves as it came, or ends the answer."""


class Log(Protocol):
    """The audit log."""

    async def append(self, entry: Mapping[str, Any], payload: Sealed | None = None) -> Appended:
        """Durable on return. Raises LogFault, and what making the payload raises."""


class Sealer(Protocol):
    """Encrypts what was said."""

    async def seal(
        self, *, owner: str, request: str, part: str, text: bytes, values: Sequence[tuple[str, str, str]]
    ) -> Sealed | None:
        """The sealed record; None where the settings keep no payloads."""

    def pseudonym(self, subject: str) -> str:
        """The keyed digest by which the log names someone."""


class UpstreamAnswer(Protocol):
    """An answer that has begun."""

    status: int
    idle_seconds: float  # how long a stream may be silent
    total_seconds: float

    async def body(self) -> bytes:
        """All of it, bounded. Raises UpstreamFault."""

    def chunks(self) -> AsyncIterator[bytes]:
        """As it comes. Raises UpstreamFault."""

    def offer(self, take: Callable[[bytes], bool]) -> None:
        """Chunks that come while the reader of `chunks` waits may be given to `take`; what it takes is not in `chunks`."""

    async def close(self) -> None:
        """Let go of the connection; cancels what is still under way."""


class Upstreams(Protocol):
    """The model servers."""

    async def send(self, model: Model, surface: str, body: bytes, *, stream: bool) -> UpstreamAnswer:
        """Send a call. Raises UpstreamFault."""


class Out(Protocol):
    """Where the answer goes."""

    started: bool  # the head was sent
    finished: bool  # the last byte was written

    async def head(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Status and headers, once."""

    def write(self, data: bytes, *, last: bool = False) -> Awaitable[None]:
        """Body bytes."""

    def flows(self) -> bool:
        """Whether `push` may be called now: the body runs, and the caller reads."""

    def push(self, data: bytes) -> None:
        """More bytes of a running body, at once."""


class Edge(Protocol):
    """What the edge asserts."""

    def __call__(self, headers: Headers) -> tuple[TlsFacts, str, Headers] | Refusal:
        """TLS facts, the client's address, and the headers without the asserted ones."""


class Clock(Protocol):
    """Time and chance, so that tests can give their own."""

    now: Callable[[], float]
    monotonic: Callable[[], float]
    random: Callable[[int], bytes]


class Rooms(Struct, frozen=True, kw_only=True):
    """All the rooms that the corridor walks through."""

    edge: Edge
    identity: Identity
    posture: Posture
    access: Access
    budgets: Budgets
    inspection: Inspection
    log: Log
    sealer: Sealer
    upstreams: Upstreams
    models: Mapping[str, Model]
    clock: Clock
