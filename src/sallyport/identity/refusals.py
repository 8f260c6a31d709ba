"""How this room says no: a code for the caller, a reason for the log, a challenge for the client.

RFC 6750 section 3 gives the shape of the challenge, RFC 9470 the one that asks for a step-up. The reason is a
word of ours that names the rule; it never carries anything from the credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from sallyport.errors import Refusal

REALM = "sallyport"
_ERROR = {"token_missing": "", "token_malformed": "invalid_request"}


def refuse(code: str, reason: str) -> Refusal:
    """A refusal of this room. Every 401 carries `www-authenticate`."""
    refusal = Refusal(code=code, reason=reason)
    if refusal.spec.status != HTTPStatus.UNAUTHORIZED:
        return refusal
    error = _ERROR.get(code, "invalid_token")
    headers = (("www-authenticate", challenge({"error": error} if error else {})),)
    return Refusal(code=code, reason=reason, headers=headers)


def challenge(parameters: Mapping[str, str]) -> str:
    """A Bearer challenge. Values must be free of quotes and backslashes; they are ours, never the caller's."""
    pairs = {"realm": REALM, **parameters}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in pairs.items())
