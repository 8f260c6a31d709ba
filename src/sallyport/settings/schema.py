"""Every key of sallyport.toml, with its default. Values only: nothing here reads a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from sallyport.settings.secrets import Secret


class Base(Struct, frozen=True, forbid_unknown_fields=True):
    """All tables refuse unknown keys."""


class Limits(Base, frozen=True, kw_only=True):
    """Bounds of what is accepted. Sizes in bytes, times in seconds."""

    header_bytes: int = 32_768
    body_bytes: int = 1_048_576
    body_seconds: float = 10.0  # to receive the whole body
    json_depth: int = 32
    json_values: int = 50_000  # values and member names together
    connections: int = 1024  # at the edge
    in_flight: int = 256  # calls in one worker
    stage_seconds: float = 5.0  # all stages before the send, together


class Server(Base, frozen=True, kw_only=True):
    """Where the door listens, and where it keeps its state."""

    listen: str = "127.0.0.1:8443"
    names: tuple[str, ...] = (
        "localhost",
        "127.0.0.1",
    )  # names in the certificate; also the allowed Host names
    state: str = "~/.local/share/sallyport"
    limits: Limits = Limits()


class Tls(Base, frozen=True, kw_only=True):
    """The edge's TLS. 1.3 only, always."""

    post_quantum: Literal["preferred", "required"] = "preferred"
    aes256: Literal["preferred", "required"] = "preferred"
    client_certificates: Literal["none", "optional", "required"] = "none"
    client_ca: str = ""  # PEM file; "" means the local authority
    certificate: str = ""  # PEM file; "" means one from the local authority
    key: str = ""


class Mfa(Base, frozen=True, kw_only=True):
    """What counts as proof of a second factor in a provider's token. Any one of these suffices."""

    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    acrs: tuple[str, ...] = ()  # Entra authentication contexts
    max_age: int = 43_200  # seconds since auth_time, where the token carries it


class Provider(Base, frozen=True, kw_only=True):
    """An OpenID provider whose access tokens are accepted."""

    name: str
    preset: Literal["openid", "okta", "entra"] = "openid"
    issuer: str
    audience: str
    client_id: str = ""  # for `sallyport login` (device authorisation grant)
    scopes: tuple[str, ...] = ("openid",)
    resource: str = (
        ""  # resource indicator (RFC 8707) that `sallyport login` asks for, where the provider wants one
    )
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    roles_claim: str = ""  # "" means the preset's: okta "groups", entra "roles", openid "groups"
    roles: dict[str, str] = {}  # value of that claim -> role name of ours; others are dropped
    tenants: tuple[str, ...] = ()  # entra: allowed tid values
    mfa: Mfa = Mfa()
    leeway: int = 30  # seconds of clock skew
    guests: bool = False  # entra: accept people of other tenants (B2B guests)
    workloads: tuple[str, ...] = ()  # openid: client ids whose own tokens (sub = client id) need no person
    jwks_file: str = ""  # a static key set instead of discovery
    jwks_hosts: tuple[str, ...] = ()  # hosts, besides the issuer's own, that may serve its key set
    ca_file: str = ""  # an extra certificate authority for this provider's https
    unsafe_http: bool = False  # allow http:// on loopback, for tests


class Directory(Base, frozen=True, kw_only=True):
    """The built-in directory of people, for deployments without a provider."""

    enabled: bool = True
    key_seconds: int = 3600  # life of the opaque keys that login issues
    session_seconds: int = 43_200  # absolute life of a session (NIST SP 800-63B AAL2)
    idle_seconds: int = 1800


class Identity(Base, frozen=True, kw_only=True):
    """Who may be believed."""

    directory: Directory = Directory()
    providers: tuple[Provider, ...] = ()
    token_bytes: int = 16_384
    cache_seconds: int = 60  # upper bound for a verified token in the cache
    feed_seconds: float = 1.0  # without a confirmed revocation epoch for this long: refuse


class Budget(Base, frozen=True, kw_only=True):
    """What a role may use. 0 means no limit. The most generous of a principal's roles counts."""

    role: str
    requests_per_minute: int = 0
    tokens_per_day: int = 0
    money_per_day: float = 0.0


class Requestable(Base, frozen=True, kw_only=True):
    """A role or a model that may be had for a limited time. Times in seconds; 0: not at all."""

    role: str = ""  # exactly one of role and model
    model: str = ""
    eligible: tuple[str, ...]  # roles whose holders may ask
    approvers: dict[str, int]  # role -> how many of its holders must agree; all of them together
    most_seconds: int = 28_800
    extend_seconds: int = 0  # one extension
    emergency_seconds: int = 0  # breaking the glass
    needs_ticket: bool = False


class Access(Base, frozen=True, kw_only=True):
    """Cedar policies, budgets, and what may be had for a limited time."""

    policies: str = ""  # folder with *.cedar; "" means the default policy of the package
    extend_default: bool = False  # add that folder to the default policy instead of replacing it
    budgets: tuple[Budget, ...] = ()
    requestable: tuple[Requestable, ...] = ()
    answer_seconds: int = 86_400  # a request that nobody answered for so long is over
    approver_mfa_seconds: int = 900  # an approver's second factor is not older
    default_output_tokens: int = 4096  # reserved where the caller gives no bound


class Segment(Base, frozen=True, kw_only=True):
    """A place where models live. A call never crosses environments."""

    name: str
    environment: str = "prod"


ModelSurface = Literal["chat", "messages", "responses", "completions", "embeddings"]
CONVERSES: dict[str, tuple[ModelSurface, ...]] = {
    "openai": ("chat", "responses", "completions"),
    "anthropic": ("messages",),
}


class Upstream(Base, frozen=True, kw_only=True):
    """A model server. `openai` is anything that speaks that wire: OpenAI, Azure, vLLM, Ollama."""

    name: str
    kind: Literal["openai", "anthropic"] = "openai"

    base_url: str = ""  # up to and including /v1
    api_key: Secret | None = None
    key_header: str = ""  # "" means authorization, or x-api-key for anthropic; azure: "api-key"
    query: str = ""  # azure: "api-version=..."
    ca_file: str = ""
    connect_seconds: float = 5.0
    first_byte_seconds: float = 60.0
    idle_seconds: float = 60.0
    total_seconds: float = 600.0
    answer_bytes: int = 16_777_216
    unsafe_http: bool = False  # plain http to another machine; loopback needs no switch


class ModelEntry(Base, frozen=True, kw_only=True):
    """A model as callers name it."""

    name: str
    segment: str
    upstream: str
    upstream_model: str = ""  # "" means the same name
    surfaces: tuple[ModelSurface, ...] = ()  # () means all in which its kind of upstream converses
    input_price: float = 0.0  # money per million tokens
    output_price: float = 0.0


class Gateway(Base, frozen=True, kw_only=True):
    """The wire."""

    allow_fields: tuple[str, ...] = ()  # request fields beyond the known schema: "field" or "chat.field"
    allow_provider_tools: tuple[str, ...] = ()
    allow_uninspected: tuple[
        Literal["image", "audio", "file", "stored"], ...
    ] = ()  # for whom policies allow it
    keepalive_seconds: float = 10.0  # a comment on a stream that is silent for this long


class ActionRule(Base, frozen=True, kw_only=True):
    """What happens to a finding. The first rule that matches counts; no rule: the package's default."""

    type: str = "*"
    direction: Literal["input", "output", "*"] = "*"
    channel: str = "*"
    segment: str = "*"
    role: str = "*"
    action: Literal["allow", "flag", "mask", "redact", "block", "step-up", "quarantine"]


class PlugIn(Base, frozen=True, kw_only=True):
    """A detector of your own: `module:factory`, run in a process that is killed when it is late."""

    name: str
    factory: str
    seconds: float = 1.0
    memory_mb: int = 512


class Topic(Base, frozen=True, kw_only=True):
    """A subject that is refused, or otherwise acted upon, wherever it is spoken of."""

    name: str
    words: tuple[str, ...] = ()  # `word*`: any word that begins so
    phrases: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()  # RE2
    direction: Literal["input", "output", "*"] = "*"
    segment: str = "*"
    role: str = "*"
    action: Literal["allow", "flag", "mask", "redact", "block", "step-up", "quarantine"]
    message: str = ""  # what the caller is told; "" means the name and the place


class Dictionary(Base, frozen=True, kw_only=True):
    """Words of your own that become findings of `type`: customers, projects, drugs. Whole words, in any case."""

    type: str
    values: tuple[str, ...] = ()
    file: str = ""  # one value a line, in UTF-8; lines that begin with # are comments


class Pattern(Base, frozen=True, kw_only=True):
    """An expression (RE2) whose matches become findings of `type`."""

    type: str
    expression: str
    context: tuple[str, ...] = ()  # words, one of which must stand nearby


class Inspection(Base, frozen=True, kw_only=True):
    """What the text is looked at for."""

    profile: Literal["standard", "personal", "health"] = "standard"
    actions: tuple[ActionRule, ...] = ()
    topics: tuple[Topic, ...] = ()
    egress_hosts: tuple[str, ...] = ()  # hosts that links of an answer may lead to; () means any
    hold_back: int = 128  # characters, the bound
    open_token: int = 4096  # characters that an unfinished token may hold back
    refused_tool_data: Literal["keep", "stop"] = (
        "keep"  # what becomes of a call whose tool may not have its data
    )
    seconds: float = 1.0  # for one pass of the built-in detectors
    inline_characters: int = 16_384  # longer texts are inspected in a worker process
    workers: int = 1  # processes for long texts
    canaries: tuple[str, ...] = ()
    dictionaries: tuple[Dictionary, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    plug_ins: tuple[PlugIn, ...] = ()
    learned_seconds: float = 4.0  # for all texts of a call that the encoder reads
    unsafe_learned_off: bool = False  # rules only
    unsafe_off: bool = False  # no inspection and no masking at all


class Audit(Base, frozen=True, kw_only=True):
    """The transparency log."""

    directory: str = ""  # "" means <state>/audit
    origin: str = ""  # the log's name in checkpoints; "" means "sallyport.local/<random>" made at first start
    checkpoint_seconds: float = 1.0
    reserve_bytes: int = 67_108_864  # free space below which calls stop
    seal_payloads: bool = True


class Keys(Base, frozen=True, kw_only=True):
    """Where the root key is."""

    root: str = ""  # "" means file:<state>/keys/root.key


class Settings(Base, frozen=True, kw_only=True):
    """The whole configuration."""

    server: Server = Server()
    tls: Tls = Tls()
    identity: Identity = Identity()
    access: Access = Access()
    segments: tuple[Segment, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    gateway: Gateway = Gateway()
    inspection: Inspection = Inspection()
    audit: Audit = Audit()
    keys: Keys = Keys()
    demo: bool = False  # start the demo model beside the door

    @property
    def state(self) -> Path:
        """The state folder."""
        return Path(self.server.state).expanduser().absolute()

    @property
    def audit_directory(self) -> Path:
        """Where the log is."""
        return (
            Path(self.audit.directory).expanduser().absolute()
            if self.audit.directory
            else self.state / "audit"
        )
