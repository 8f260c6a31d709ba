"""What is asked of the policy engine, and the frozen value that is evaluated (and nothing else is).

`Evaluated` is both the only source of what Cedar sees (`situation.py`) and the key of the decision cache:
an attribute that a policy can read can therefore not be missing from the key (fail-open otherwise).
"""

from __future__ import annotations

from msgspec import Struct

from sallyport.model import Datum, Device, Model, Principal, TlsFacts, Tool

USE_MODEL = ("chat", "embed", "list_model", "send_uninspected")
ON_DATA = ("see", "pass_to_tool")
ON_LOG = ("read_log", "read_content", "export_log")
ON_DEPLOYMENT = (
    "manage_people",
    "explain",
    "calibrate",
    "mark_finding",
    "request_access",
    "approve_access",
    "break_glass",
    "manage_locks",
)
ACTIONS = (*USE_MODEL, "use_tool", *ON_DATA, *ON_LOG, *ON_DEPLOYMENT)

NO_DEVICE = Device()
NO_TLS = TlsFacts()

UNKNOWN = -1  # minutes
SKEW = 60  # seconds that a clock may be ahead of ours


class AccessRequest(Struct, frozen=True, kw_only=True):
    """May this principal do this, from this device, to this resource, now?

    `action` is one of `ACTIONS`. `model` is the resource of `USE_MODEL`, the model that asked for the tool of
    use_tool, and the one whose answer `data` is in; of pass_to_tool `tool` is the sink. The other actions concern the
    log or the deployment. `now`: seconds.
    """

    principal: Principal
    action: str
    model: Model | None = None
    tool: Tool | None = None
    data: Datum | None = None
    device: Device = NO_DEVICE
    tls: TlsFacts = NO_TLS
    surface: str = ""  # "chat", "embeddings", "models"; "" outside the gateway
    stream: bool = False
    risk: int = 0  # 0 to 100
    purpose: str = ""
    self_owned: bool = False  # the record belongs to the caller
    tainted: bool = False  # an argument of the tool comes from untrusted text
    uninspected: str = ""  # what is sent that nobody can look into: "image", "audio", "file", "stored"
    now: int = 0


class Evaluated(Struct, frozen=True):
    """Everything that a decision depends on. Ages are in minutes, rounded up in steps, -1 for unknown."""

    principal: Principal
    device: Device  # posture_age in minutes
    tls: TlsFacts
    model: Model | None
    action: str
    surface: str
    stream: bool
    risk: int
    tool: str
    declared: bool
    tainted: bool
    data_class: str
    origin: str
    purpose: str
    self_owned: bool
    mfa_age: int
    uninspected: str


def minutes(seconds: int) -> int:
    """An age in minutes, rounded up: by one up to an hour, by five up to a day, then by sixty.

    Up, so that `age <= 15` never holds for anything older. In steps, so that decisions can be cached.
    """
    whole = -(-seconds // 60)
    step = 1 if whole <= 60 else 5 if whole <= 1440 else 60  # noqa: PLR2004 an hour, a day
    return -(-whole // step) * step


def evaluated(request: AccessRequest) -> Evaluated:
    """The very value that Cedar decides on. Pure; the clock enters only through the two ages."""
    principal, device, tool, data = request.principal, request.device, request.tool, request.data
    if device.posture_age >= 0:
        device = Device(
            id=device.id,
            attested=device.attested,
            compliant=device.compliant,
            posture_age=minutes(device.posture_age),
        )
    return Evaluated(
        principal,
        device,
        request.tls,
        request.model,
        request.action,
        request.surface,
        request.stream,
        request.risk,
        "" if tool is None else tool.name,
        tool is not None and tool.declared,
        request.tainted,
        "" if data is None else data.kind,
        "" if data is None else data.origin,
        request.purpose,
        request.self_owned,
        _since(principal.auth_time, int(request.now)),
        request.uninspected,
    )


def _since(moment: int, now: int) -> int:
    if moment <= 0 or moment > now + SKEW:
        return UNKNOWN
    return minutes(max(now - moment, 0))
