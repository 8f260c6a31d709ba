"""One call on its way: what each stage has learnt so far. Mutable, owned by one task."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sallyport.errors import Refusal
from sallyport.gateway.deadline import Deadline
from sallyport.gateway.dialects.base import Dialect
from sallyport.gateway.ports import Headers, Out, Reader, Vault
from sallyport.model import (
    HIDING,
    Appended,
    Call,
    Decision,
    Device,
    Finding,
    Model,
    Origin,
    Principal,
    TlsFacts,
    Tool,
    Usage,
)

UNKNOWN_DEVICE = Device()
Withheld = tuple[
    int, str, int, int, str
]  # choice, field, start and end in that text, the type of what was found


class Exchange:
    """The state of one call. Stages fill it from the top to the bottom."""

    def __init__(
        self,
        *,
        request_id: str,
        headers: Headers,
        dialect: Dialect,
        receive: Callable[[], Awaitable[Any]],
        out: Out,
    ) -> None:
        self.request_id = request_id
        self.headers = headers
        self.dialect = dialect
        self.receive = receive
        self.out = out
        self.target = ""  # the last part of a path, where a route has one
        self.stage = "identify"
        self.deadline: Deadline | None = None  # of all stages before the send, together
        self.timings: dict[str, int] = {}  # stage -> microseconds
        # identify, posture
        self.tls = TlsFacts()
        self.peer = ""  # the client's address, as the edge saw it
        self.principal: Principal | None = None
        self.device = UNKNOWN_DEVICE
        # parse, route, authorise, budget
        self.body_read = False
        self.call: Call | None = None
        self.model: Model | None = None
        self.decision: Decision | None = None
        self.decided_at = 0  # seconds since the epoch
        self.epoch = -1  # of access, read before the decision
        self.reservation: Any = None
        # inspect, mask, record
        self.conversation = ""
        self.findings: list[Finding] = []
        self.vault: Vault | None = None
        self.outgoing = b""
        self.intent: Appended | None = None
        # send and after
        self.sent = False
        self.upstream_status = 0
        self.usage: Usage | None = None
        self.output_characters = 0
        self.reader: Reader  # the caller, from the send on
        self.data_decisions: dict[tuple[str, Tool | None, str, Origin], Decision] = {}
        self.tool_decisions: list[Decision] = []
        self.said: list[tuple[int, str, str]] = []  # what the model wrote, masked: (choice, field, text)
        self.withheld: list[Withheld] = []  # what of it was not delivered as it stands there
        self.opening = b""
        self.delivered = hashlib.sha256()
        self.sequence = 0  # of the next event of a stream, where its wire counts them
        self.ending = False  # the outcome is with the log: nothing may stop the call or write another
        self.outcome: Appended | None = None
        self.refusal: Refusal | None = None
        self.cut: Refusal | None = None  # why a running answer is being stopped from outside
        self.gone = False  # the caller hung up

    def withhold(self, choice: int, field: str, findings: Iterable[Finding], base: int = 0) -> None:
        """Remember what is hidden of a text of the answer that begins at `base` of what was said in its place."""
        self.withheld += [
            (choice, field, base + f.start, base + f.end, f.type) for f in findings if f.action in HIDING
        ]

    def said_in(self, choice: int, field: str) -> int:
        """Characters that were said in one place."""
        return sum([len(text) for its, name, text in self.said if (its, name) == (choice, field)])

    @property
    def segment(self) -> str:
        """Where the model of the call lives, "" before it is known."""
        return self.model.segment if self.model else ""

    @property
    def roles(self) -> tuple[str, ...]:
        """The principal's roles, or none."""
        return self.principal.roles if self.principal else ()

    @property
    def system(self) -> tuple[str, ...]:
        """The system prompts of this call, for the leak detector."""
        leaves = self.call.leaves if self.call else ()
        return tuple(leaf.text for leaf in leaves if leaf.channel == "system")
