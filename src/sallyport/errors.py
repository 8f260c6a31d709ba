"""The tree of refusals and faults: code, HTTP status, what to say, the next step.

A *refusal* is a value: the door decided not to let the call through. A *fault* is an exception: a part of
ours, or the upstream, failed. Both end as the same error object in the caller's dialect and in the audit log.

    SallyportError
    ├── SettingsError        the configuration cannot be used; raised before anything starts
    ├── Conflict             the state store's compare-and-set lost
    └── Fault(code)          a stage could not do its work: the call is refused with that code
        ├── LogFault         the audit log did not take the entry: 503, nothing leaves
        ├── UpstreamFault    the model server did not answer as it should
        ├── DetectorFault    inspection did not finish
        └── KeyFault         a key is unknown, erased or does not open what it should

Status codes: 400 malformed, 401 who are you, 403 policy, 404 no such route or model, 413 too large,
429 over budget, 502/504 upstream, 503 a part of ours is down (closed). The openai SDK retries 408, 409, 429
and 5xx, so a policy refusal never uses those, and where a retry cannot help `x-should-retry: false` is sent.
"""

from __future__ import annotations

from msgspec import Struct

AUTH, POLICY, REQUEST, LIMIT, SERVER = (
    "authentication_error",
    "policy_violation",
    "invalid_request_error",
    "rate_limit_error",
    "server_error",
)


class Spec(Struct, frozen=True):
    """One row of the catalogue: HTTP status, error type, a sentence, the next step."""

    status: int
    type: str
    message: str
    next_step: str = ""


CATALOGUE: dict[str, Spec] = {
    # 1 identify
    "edge_required": Spec(
        403, AUTH, "The call did not come through the edge.", "Call the door's own address."
    ),
    "edge_host_unknown": Spec(421, REQUEST, "The door has no such name.", "Use one of server.names."),
    "edge_request_invalid": Spec(
        400, REQUEST, "The request is not one that the door takes.", "Use HTTP/1.1 or 2, without upgrade."
    ),
    "edge_timeout": Spec(400, REQUEST, "The request did not arrive in time.", "Send it faster."),
    "worker_unavailable": Spec(503, SERVER, "No worker can take the call.", "Try again."),
    "token_missing": Spec(401, AUTH, "No credential was sent.", "Run: sallyport login"),
    "token_malformed": Spec(401, AUTH, "The credential cannot be read.", "Run: sallyport login"),
    "token_invalid": Spec(401, AUTH, "The credential was not accepted.", "Run: sallyport login"),
    "token_expired": Spec(401, AUTH, "The credential has expired.", "Run: sallyport login"),
    "token_revoked": Spec(401, AUTH, "The session has ended.", "Run: sallyport login"),
    "token_wrong_audience": Spec(
        401, AUTH, "The token is meant for another service.", "Ask for this audience."
    ),
    "token_binding_failed": Spec(
        401, AUTH, "The token is bound to another key.", "Use the key it was issued to."
    ),
    "roles_unknown": Spec(
        403,
        AUTH,
        "The token does not carry usable group or role claims.",
        "Ask your administrator to use application roles or a group filter.",
    ),
    "mfa_required": Spec(401, AUTH, "A second factor must be proven for this.", "Run: sallyport login"),
    "principal_refused": Spec(
        403, AUTH, "This kind of account is not accepted here.", "Ask your administrator."
    ),
    "principal_suspended": Spec(403, AUTH, "The account is suspended.", "Ask your administrator."),
    "tls_cipher_refused": Spec(
        403, AUTH, "The connection did not negotiate AES-256.", "Prefer TLS_AES_256_GCM_SHA384 in the client."
    ),
    "client_certificate_required": Spec(401, AUTH, "A client certificate is required.", "Present one."),
    "login_failed": Spec(401, AUTH, "The name, password or one-time code is not right.", "Try again."),
    "login_throttled": Spec(429, LIMIT, "Too many attempts.", "Wait, then try again."),
    "password_refused": Spec(
        400,
        REQUEST,
        "The password is too easy to guess.",
        "Choose 12 characters or more; a few random words do.",
    ),
    "link_invalid": Spec(
        403, AUTH, "The link is wrong, used, replaced or expired.", "Ask your administrator for a new one."
    ),
    "link_not_yet": Spec(403, AUTH, "The link is not usable yet.", "Wait, then try again."),
    "person_unknown": Spec(404, REQUEST, "The directory has no such person.", "Check the name."),
    "person_exists": Spec(400, REQUEST, "The directory has this person already.", "Choose another name."),
    "recovery_refused": Spec(403, POLICY, "Nobody recovers their own account.", "Ask another administrator."),
    "own_roles_refused": Spec(403, POLICY, "Nobody changes their own roles.", "Ask another administrator."),
    "identity_unavailable": Spec(
        503, SERVER, "The identity provider's keys cannot be fetched.", "Try again."
    ),
    "revocation_stale": Spec(503, SERVER, "The revocation feed has not been confirmed.", "Try again."),
    # 2 posture
    # 3 parse
    "not_found": Spec(404, REQUEST, "There is no such route.", "See docs/api.md."),
    "method_not_allowed": Spec(405, REQUEST, "The route does not take this method.", "See docs/api.md."),
    "media_type_unsupported": Spec(415, REQUEST, "The body must be application/json.", "Set content-type."),
    "encoding_unsupported": Spec(415, REQUEST, "The body must not be compressed.", "Drop content-encoding."),
    "body_too_large": Spec(
        413, REQUEST, "The body is larger than allowed.", "Send less, or raise limits.body_bytes."
    ),
    "headers_too_large": Spec(431, REQUEST, "The headers are larger than allowed.", "Send less."),
    "body_timeout": Spec(400, REQUEST, "The body did not arrive in time.", "Send it faster."),
    "json_invalid": Spec(400, REQUEST, "The body is not valid JSON.", "Correct it."),
    "json_duplicate": Spec(400, REQUEST, "The body names a member twice.", "Name each member once."),
    "json_too_deep": Spec(400, REQUEST, "The body is nested too deeply.", "Flatten it."),
    "json_too_many": Spec(
        413, REQUEST, "The body holds too many values.", "Send fewer, or raise limits.json_values."
    ),
    "field_unknown": Spec(
        400,
        REQUEST,
        "The request has a field that is not allowed here.",
        "Drop it, or list it in gateway.allow_fields.",
    ),
    "field_invalid": Spec(400, REQUEST, "A field of the request has a wrong value.", "Correct it."),
    "content_uninspectable": Spec(
        400, REQUEST, "The request carries content that cannot be inspected.", "Send text."
    ),
    "provider_tool_refused": Spec(
        403,
        POLICY,
        "Tools that the provider runs itself are not allowed.",
        "Use function tools, or list it in gateway.allow_provider_tools.",
    ),
    # 4 route, 5 authorise
    "model_unknown": Spec(404, REQUEST, "There is no such model for you.", "Run: sallyport models"),
    "model_surface": Spec(
        400, REQUEST, "The model does not serve this kind of call.", "Run: sallyport models"
    ),
    "access_denied": Spec(
        403, POLICY, "Your roles do not allow this.", "Run: sallyport access request ROLE --for 2h"
    ),
    "locked": Spec(403, POLICY, "An administrator has locked this for now.", "Ask your administrator."),
    "grant_ended": Spec(
        403, POLICY, "The grant that allowed this has ended.", "Run: sallyport access request ROLE --for 2h"
    ),
    "grant_not_requestable": Spec(403, POLICY, "You cannot ask for this.", "Run: sallyport access list"),
    "grant_exists": Spec(400, REQUEST, "You have asked for this already.", "Run: sallyport access list"),
    "grant_unknown": Spec(
        404, REQUEST, "There is no such request, grant or lock for you.", "Run: sallyport access list"
    ),
    "grant_over": Spec(
        400, REQUEST, "It is over, or nothing is left to be done about it.", "Run: sallyport access list"
    ),
    "approval_refused": Spec(403, POLICY, "You may not decide this.", "Ask somebody else who may."),
    "tool_denied": Spec(403, POLICY, "The model asked for a tool that is not allowed.", "Declare the tool."),
    "tool_data_denied": Spec(
        403,
        POLICY,
        "The model asked for a tool with data that the tool may not have.",
        "Write the value in your own message.",
    ),
    "policy_unavailable": Spec(503, SERVER, "The policy engine gave no usable decision.", "Try again."),
    # 6 budget
    "rate_limited": Spec(429, LIMIT, "The request rate is over your budget.", "Wait, then try again."),
    "budget_exhausted": Spec(429, LIMIT, "Your token or money budget is used up.", "Wait, or ask for more."),
    "budget_unavailable": Spec(503, SERVER, "The budgets cannot be counted.", "Try again."),
    # 7, 8 inspection
    "finding_blocked": Spec(403, POLICY, "Blocked by the content policy.", "Remove it and try again."),
    "output_blocked": Spec(403, POLICY, "The answer was stopped by the content policy.", "Ask differently."),
    "step_up_required": Spec(
        403, POLICY, "This needs a fresh proof of your second factor.", "Run: sallyport login"
    ),
    "quarantined": Spec(
        403, POLICY, "The call was refused, and is kept for a review.", "Ask your administrator."
    ),
    "inspection_failed": Spec(503, SERVER, "Inspection did not finish.", "Try again."),
    "conversation_invalid": Spec(
        400, REQUEST, "The conversation name is not usable.", "Use 1 to 128 letters, digits, '.', '_' or '-'."
    ),
    "conversation_full": Spec(
        413, REQUEST, "The conversation holds more masked values than allowed.", "Start a new conversation."
    ),
    # 9, 13 record
    "log_unavailable": Spec(503, SERVER, "The audit log did not take the record.", "Try again."),
    "sealing_failed": Spec(503, SERVER, "The record could not be encrypted.", "Try again."),
    # 10 send
    "upstream_unavailable": Spec(502, SERVER, "The model server cannot be reached.", "Try again."),
    "upstream_timeout": Spec(504, SERVER, "The model server did not answer in time.", "Try again."),
    "upstream_refused": Spec(502, SERVER, "The model server refused the call.", "See the status in the log."),
    "upstream_invalid": Spec(502, SERVER, "The model server's answer cannot be read.", "Try again."),
    "upstream_too_large": Spec(
        502, SERVER, "The model server's answer is larger than allowed.", "Ask for less."
    ),
    "upstream_rate_limited": Spec(429, LIMIT, "The model server is over its limit.", "Wait, then try again."),
    "upstream_request_invalid": Spec(
        400,
        REQUEST,
        "The model server did not accept the request.",
        "Check the parameters against the model.",
    ),
    # anywhere
    "record_unknown": Spec(404, REQUEST, "There is no such record for you.", "Check the request id."),
    "deadline_exceeded": Spec(503, SERVER, "A stage did not finish in time.", "Try again."),
    "stage_failed": Spec(503, SERVER, "A stage failed.", "Try again; the request id finds it in the log."),
    "overloaded": Spec(503, SERVER, "Too many calls at once.", "Wait, then try again."),
    "disk_full": Spec(503, SERVER, "The disk reserve is reached; calls are stopped.", "Free space."),
}


class Refusal(Struct, frozen=True, kw_only=True):
    """A decision not to let a call through. What the caller may see, and nothing else."""

    code: str
    message: str = ""  # "" means the catalogue's sentence
    param: str | None = None  # "messages[2].content"
    policy: str = ""  # policy id or finding type
    next_step: str = ""
    command: str = ""  # a command line that helps, "" if none
    retry_after: int | None = None  # seconds
    headers: tuple[tuple[str, str], ...] = ()  # e.g. ("www-authenticate", "...")
    stage: str = ""  # filled by the pipeline
    reason: str = ""  # the rule that refused, for the log; never shown to the caller

    @property
    def spec(self) -> Spec:
        """The catalogue's row of this code."""
        return CATALOGUE[self.code]


class SallyportError(Exception):
    """Base of everything that we raise."""


class SettingsError(SallyportError):
    """The configuration cannot be used. `fix` says what to write instead."""

    def __init__(self, key: str, problem: str, fix: str = "") -> None:
        super().__init__(f"{key}: {problem}" + (f" ({fix})" if fix else ""))
        self.key, self.problem, self.fix = key, problem, fix


class Conflict(SallyportError):
    """A compare-and-set on the state store found another version."""


class Fault(SallyportError):
    """A part failed. `code` is a key of the catalogue; `detail` is for the log only, without payload."""

    code = "stage_failed"

    def __init__(self, detail: str = "", *, code: str = "", retry_after: int | None = None) -> None:
        super().__init__(detail or code or self.code)
        self.code = code or type(self).code
        self.detail = detail
        self.retry_after = retry_after


class LogFault(Fault):
    """The audit log did not take an entry."""

    code = "log_unavailable"


class UpstreamFault(Fault):
    """The model server did not answer as it should."""

    code = "upstream_unavailable"


class DetectorFault(Fault):
    """Inspection did not finish, or lied."""

    code = "inspection_failed"


class KeyFault(Fault):
    """A key is unknown, erased, or does not open what it should."""

    code = "sealing_failed"
