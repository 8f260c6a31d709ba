"""One TOML file to one frozen value. The only reader of the environment and of secret references.

Unknown keys are refused with the nearest known name. A secret is written by reference only: `env:NAME` or
`file:/path` (the file must not be readable by others). Fields that begin with `unsafe_` weaken the door; each
that is set warns at start, and `sallyport check` lists it.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from sallyport.errors import SettingsError


class Secret:
    """A secret resolved from a reference. Its value never shows in repr, str, errors or dumps."""

    __slots__ = ("_value", "ref")

    def __init__(self, ref: str, value: str) -> None:
        self.ref, self._value = ref, value

    def reveal(self) -> str:
        """The value itself. Call this at the last moment."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.ref!r})"


class Base(Struct, frozen=True, forbid_unknown_fields=True):
    """All tables refuse unknown keys."""


class Limits(Base, frozen=True, kw_only=True):
    """Bounds of what is accepted. Sizes in bytes, times in seconds."""

    header_bytes: int = 32_768
    body_bytes: int = 1_048_576
    body_seconds: float = 10.0  # to receive the whole body
    json_depth: int = 32
    connections: int = 1024  # at the edge
    in_flight: int = 256  # calls in one worker
    stage_seconds: float = 5.0  # all stages before the send, together
    unauthenticated_per_second: int = 50  # refusals before identification that one worker answers in full


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
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    roles_claim: str = ""  # "" means the preset's: okta "groups", entra "roles", openid "groups"
    roles: dict[str, str] = {}  # value of that claim -> role name of ours; others are dropped
    tenants: tuple[str, ...] = ()  # entra: allowed tid values
    mfa: Mfa = Mfa()
    leeway: int = 30  # seconds of clock skew
    jwks_file: str = ""  # a static key set instead of discovery
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


class Access(Base, frozen=True, kw_only=True):
    """Cedar policies and budgets."""

    policies: str = ""  # folder with *.cedar; "" means the default policy of the package
    budgets: tuple[Budget, ...] = ()
    default_output_tokens: int = 4096  # reserved where the caller gives no bound


class Segment(Base, frozen=True, kw_only=True):
    """A place where models live. A call never crosses environments."""

    name: str
    environment: str = "prod"


class Upstream(Base, frozen=True, kw_only=True):
    """A model server. `openai` is anything that speaks that wire: OpenAI, Azure, vLLM, Ollama."""

    name: str
    kind: Literal["openai", "demo"] = "openai"
    base_url: str = ""  # up to and including /v1
    api_key: Secret | None = None
    key_header: str = "authorization"  # azure: "api-key"
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
    surfaces: tuple[Literal["chat", "embeddings"], ...] = ("chat",)
    input_price: float = 0.0  # money per million tokens
    output_price: float = 0.0


class Gateway(Base, frozen=True, kw_only=True):
    """The wire."""

    allow_fields: tuple[str, ...] = ()  # request fields beyond the known schema: "field" or "chat.field"
    allow_provider_tools: tuple[str, ...] = ()
    keepalive_seconds: float = 10.0  # a comment on a stream that is silent for this long


class ActionRule(Base, frozen=True, kw_only=True):
    """What happens to a finding. The first rule that matches counts; no rule: the package's default."""

    type: str = "*"
    direction: Literal["input", "output", "*"] = "*"
    channel: str = "*"
    role: str = "*"
    action: Literal["allow", "flag", "mask", "block"]


class PlugIn(Base, frozen=True, kw_only=True):
    """A detector of your own: `module:factory`, run in a process that is killed when it is late."""

    name: str
    factory: str
    seconds: float = 1.0
    memory_mb: int = 512


class Inspection(Base, frozen=True, kw_only=True):
    """What the text is looked at for."""

    actions: tuple[ActionRule, ...] = ()
    hold_back: int = 128  # characters, the bound
    open_token: int = 4096  # characters that an unfinished token may hold back
    seconds: float = 1.0  # for one pass of the built-in detectors
    inline_characters: int = 16_384  # longer texts are inspected in a worker process
    workers: int = 1  # processes for long texts
    canaries: tuple[str, ...] = ()
    plug_ins: tuple[PlugIn, ...] = ()
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
    demo: bool = field(default=False)  # the demo company and its model; `sallyport up` without a file sets it

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


def load(path: Path | str) -> Settings:
    """Read a file. Raises `SettingsError` naming the key, the problem and the fix."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), f"cannot be read: {error}", "check the path and its rights") from None
    return loads(text)


def loads(text: str) -> Settings:
    """Parse TOML text. Raises `SettingsError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError("toml", f"not valid TOML: {error}", "correct the line") from None
    _refuse_unknown(document, Settings, "")
    try:
        settings = msgspec.convert(document, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        where = re.search(r"at `\$\.?(.*)`", str(error))
        raise SettingsError(where.group(1) if where else "settings", str(error).split(" - at ")[0]) from None
    _check_references(settings)
    return settings


def unsafe_switches(settings: Settings) -> list[str]:
    """The `unsafe_` fields that are set, as dotted names."""
    return sorted(_unsafe(settings, ""))


def resolve(ref: str) -> Secret:
    """Resolve `env:NAME` or `file:/path`. Raises `SettingsError`; the error never holds the value."""
    scheme, _, rest = ref.partition(":")
    if scheme == "env" and rest:
        value = os.environ.get(rest)
        if value is None:
            raise SettingsError(ref, "the environment has no such variable", f"export {rest}=...")
        return Secret(ref, value)
    if scheme == "file" and rest:
        return Secret(ref, _read_secret_file(Path(rest).expanduser()))
    raise SettingsError("secret", "must be a reference, not a value", "write env:NAME or file:/path")


def _read_secret_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"file:{path}", f"cannot be read: {type(error).__name__}", "check the path"
        ) from None
    if mode & 0o077:
        raise SettingsError(f"file:{path}", "is readable by others", f"chmod 600 {path}")
    return text


def _decode(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return resolve(value)
    raise NotImplementedError(kind)


def _struct_of(annotation: Any) -> tuple[type[Struct] | None, bool]:
    """The Struct inside an annotation, and whether it is a sequence of them."""
    arguments = getattr(annotation, "__args__", ())
    for candidate in (annotation, *arguments):
        if isinstance(candidate, type) and issubclass(candidate, Struct):
            return candidate, candidate is not annotation
    return None, False


def _refuse_unknown(document: Any, kind: type[Struct], where: str) -> None:
    if not isinstance(document, dict):
        return
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
    for key, value in document.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            raise SettingsError(
                f"{where}{key}", "is not a known key", f"did you mean {near[0]}?" if near else ""
            )
        inner, many = _struct_of(fields[key])
        if inner is None:
            continue
        for index, item in enumerate(value if many and isinstance(value, list) else [value]):
            _refuse_unknown(item, inner, f"{where}{key}[{index}]." if many else f"{where}{key}.")


def _unsafe(value: Any, where: str) -> list[str]:
    if isinstance(value, tuple):
        return [name for i, item in enumerate(value) for name in _unsafe(item, f"{where}[{i}]")]
    if not isinstance(value, Base):
        return []
    found: list[str] = []
    for name in value.__struct_fields__:
        dotted = f"{where}.{name}".lstrip(".")
        inner = getattr(value, name)
        if name.startswith("unsafe_") and inner:
            found.append(dotted)
        found += _unsafe(inner, dotted)
    return found


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def _check_references(settings: Settings) -> None:
    segments = _unique("segments", [s.name for s in settings.segments])
    upstreams = _unique("upstreams", [u.name for u in settings.upstreams])
    _unique("models", [m.name for m in settings.models])
    _unique("identity.providers", [p.name for p in settings.identity.providers])
    for index, model in enumerate(settings.models):
        _known(f"models[{index}].segment", model.segment, segments)
        _known(f"models[{index}].upstream", model.upstream, upstreams)
    for index, upstream in enumerate(settings.upstreams):
        _check_url(f"upstreams[{index}].base_url", upstream)
    for index, provider in enumerate(settings.identity.providers):
        _check_issuer(f"identity.providers[{index}].issuer", provider)
    if bool(settings.tls.certificate) != bool(settings.tls.key):
        raise SettingsError(
            "tls.certificate", "needs tls.key, and the other way round", "set both or neither"
        )


def _unique(where: str, names: list[str]) -> set[str]:
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(where, f"the name {name!r} is given twice", "rename one")
    return set(names)


def _known(where: str, name: str, names: set[str]) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        raise SettingsError(
            where, f"{name!r} is not defined", f"did you mean {near[0]}?" if near else "define it"
        )


def _check_url(where: str, upstream: Upstream) -> None:
    if upstream.kind == "demo":
        return
    url = urlsplit(upstream.base_url)
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.query or url.fragment:
        raise SettingsError(
            where, "must be an http(s) address without credentials or query", "https://host/v1"
        )
    if url.scheme == "http" and not (is_loopback(upstream.base_url) or upstream.unsafe_http):
        raise SettingsError(where, "plain http leaves this machine", "use https, or set unsafe_http = true")


def _check_issuer(where: str, provider: Provider) -> None:
    url = urlsplit(provider.issuer)
    if url.scheme == "https" and url.hostname:
        return
    if url.scheme == "http" and provider.unsafe_http and is_loopback(provider.issuer):
        return
    raise SettingsError(where, "must be https", "unsafe_http = true allows http on loopback, for tests")
