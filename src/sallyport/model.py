"""The values that travel through the door. Frozen; this file imports nothing of ours.

A stage receives such values and returns such values. Nothing here reads a clock, a file or the network.
Times are integer seconds since the epoch (UTC) unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

Direction = Literal["input", "output"]
Channel = Literal[
    "system",  # system or developer message
    "user",  # the principal's own turn, as claimed
    "assistant",  # an earlier answer, as claimed by the caller; or the model's answer on output
    "tool_definition",
    "tool_arguments",
    "tool_result",
    "document",  # embeddings input, files, anything else that is data
    "other",  # any further string leaf (names, metadata, stop words)
]
Action = Literal["allow", "flag", "mask", "redact", "block", "step-up", "quarantine"]
SEVERITY: dict[Action, int] = {
    "allow": 0,
    "flag": 1,
    "mask": 2,
    "redact": 3,
    "step-up": 4,
    "block": 5,
    "quarantine": 6,
}
HIDING: frozenset[str] = frozenset({"mask", "redact"})  # the text goes on without the value
REFUSING: frozenset[str] = frozenset({"block", "step-up", "quarantine"})  # nothing of the text goes on
STOPPING: frozenset[str] = REFUSING | HIDING  # the text does not go on as it is
Origin = Literal[
    "caller",  # the caller's own turn, or a system message
    "context",  # elsewhere in what the caller sent: results of tools, documents, earlier answers
    "model",  # a model wrote it
]
Surface = Literal["chat", "messages", "responses", "completions", "embeddings", "models"]


class TlsFacts(Struct, frozen=True, kw_only=True, cache_hash=True):
    """What the edge asserts of the connection (RFC 8446). Empty strings where unknown."""

    version: str = ""  # "TLSv1.3"
    cipher: str = ""  # "TLS_AES_256_GCM_SHA384" or the edge's own spelling
    group: str = ""  # "X25519MLKEM768"
    client_certificate_sha256: str = ""  # hex, "" when no client certificate was presented
    client_san: str = ""  # first URI or DNS subject alternative name of it


class Granted(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A right for a limited time that counts for a principal now. `until`: seconds since the epoch."""

    id: str
    kind: Literal["role", "model"]
    name: str
    until: int
    emergency: bool = False  # taken by breaking the glass


class Principal(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A verified person or workload (NIST SP 800-207 "subject")."""

    id: str  # stable and unique: "local|sam" or "<issuer>|<sub or tid.oid>"
    kind: Literal["person", "workload"] = "person"
    issuer: str = "local"
    roles: tuple[str, ...] = ()  # sorted; its own and the granted ones
    granted: tuple[
        Granted, ...
    ] = ()  # what of it counts for a limited time; a role of its own is not among them
    mfa: bool = False  # proven by a claim that was checked
    amr: tuple[str, ...] = ()
    acr: str = ""
    auth_time: int = 0  # when the person last proved all factors; 0 if unknown
    session: str = ""  # id of the session or token (sid/jti digest); never the token
    expires: int = 0
    binding: str = ""  # jkt or x5t#S256 of a bound token, "" for a bearer
    suspended: bool = False


class Device(Struct, frozen=True, kw_only=True, cache_hash=True):
    """What is known of the device that holds the key. Unknown means untrusted."""

    id: str = ""
    attested: bool = False
    compliant: bool = False
    posture_age: int = -1  # seconds, -1: no posture was ever reported


class Model(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A model as callers name it, and where it lives."""

    name: str
    segment: str
    environment: str  # "dev" | "prod" | ... ; a call never crosses environments
    upstream: str  # name of the upstream in the settings
    upstream_model: str  # the name that the upstream knows
    surfaces: tuple[str, ...] = ("chat",)
    input_price: float = 0.0  # money per million tokens
    output_price: float = 0.0
    owner: str = "sallyport"


class Leaf(Struct, frozen=True):
    """One string of a body. `path` is its address: ("messages", 2, "content")."""

    path: tuple[str | int, ...]
    text: str
    channel: Channel


class Finding(Struct, frozen=True, kw_only=True):
    """Something that a detector saw in one leaf. Offsets count characters of the leaf's own text."""

    type: str  # "card", "email", "prompt_injection", "secret", ...
    start: int
    end: int
    score: float = 1.0  # 0 to 1
    layer: str = "rules"  # "rules", "identifiers", "secrets", "canary", "leak", or a plug-in's name
    detector: str = ""  # rule or pattern id; goes to the log, never to the caller
    version: str = ""
    leaf: int = 0  # index into the sequence of leaves that was inspected
    action: Action = "flag"  # decided by the policy of actions, not by the detector
    notice: str = ""  # what the caller is told if it is refused; "" means the type and the place


class Datum(Struct, frozen=True, kw_only=True):
    """Personal data or a secret, as policies see it: its class, which is a finding type, and who brought it."""

    kind: str
    origin: Origin


class Tool(Struct, frozen=True, kw_only=True):
    """A tool call of the model, whole, as it will be delivered."""

    name: str
    arguments: str
    declared: bool  # the caller's own request defined this tool


class Call(Struct, frozen=True, kw_only=True):
    """A parsed request. `body` is the decoded document, `raw` the bytes that it was decoded from."""

    surface: Surface
    dialect: str  # "openai", "anthropic"
    model: str  # as the caller named it
    stream: bool
    raw: bytes
    body: dict[str, object]
    leaves: tuple[Leaf, ...]
    signed: frozenset[tuple[str | int, ...]] = frozenset()  # paths of leaves that may not be changed
    tools: tuple[str, ...] = ()  # names of the tools that the request declares
    uninspected: tuple[
        str, ...
    ] = ()  # kinds of content that nobody can look into: "image", "audio", "file", "stored"
    choices: int = 1
    max_output_tokens: int = 0  # 0: not limited by the caller
    include_usage: bool = False
    input_tokens_estimate: int = 0


class Decision(Struct, frozen=True, kw_only=True):
    """What the policy engine said, with its reasons (policy ids)."""

    allowed: bool
    policies: tuple[str, ...] = ()  # the determining policies' @id
    errors: tuple[str, ...] = ()  # diagnostics; any entry means denied
    version: str = ""  # digest of the policy set and schema


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens as the upstream reported them, or as estimated (then `estimated`)."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False


class Appended(Struct, frozen=True, kw_only=True):
    """A durable log entry: where it is, and a signed promise that it will stay there."""

    shard: str
    index: int
    leaf_hash: bytes  # RFC 6962: SHA-256(0x00 || entry)
    promise: str  # value of the header x-sallyport-receipt


class Shared:
    """Members that many log entries have in common. Not changed once made; the log keeps beside them how it writes them."""

    __slots__ = ("form", "members")

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members
        self.form: Any = None


class Entry(Mapping[str, Any]):
    """The members of a log entry: its own, and those that it shares with others."""

    __slots__ = ("own", "shared")

    def __init__(self, shared: Shared, own: dict[str, Any]) -> None:
        self.shared, self.own = shared, own

    def __getitem__(self, name: str) -> Any:
        return self.own[name] if name in self.own else self.shared.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.shared.members, **self.own})

    def __len__(self) -> int:
        return len({**self.shared.members, **self.own})
