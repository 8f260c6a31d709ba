"""Talking to the door: TLS against its authority, JSON both ways, refusals as one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import orjson
import typer
from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import SyncRequestBuilder

from sallyport.cli.credentials import Credentials, default_path, load
from sallyport.cli.output import fail

REFUSED, UNREACHABLE = 4, 5
OK = 200
OWN = "/sallyport/v1"


class DoorClient:
    """One door. `server` is its address without a path."""

    def __init__(self, server: str, *, ca: str = "", key: str = "") -> None:
        self.server, self.ca, self._key = server.rstrip("/"), ca, key
        builder = SyncClientBuilder().follow_redirects(enable=False).no_proxy().timeout(timedelta(seconds=30))
        builder = builder.https_only(enable=True)
        if ca:
            builder = builder.add_root_certificate_pem(_authority(ca))
        try:
            self._client: SyncClient = builder.build()
        except PyreqwestError:
            raise fail(f"{ca} cannot be used. Name the door's PEM file with --ca.", 3) from None

    def get(self, path: str) -> Any:
        """GET our own API or a model's wire."""
        return self._send("GET", path, None)

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """POST a JSON object."""
        return self._send("POST", path, document)

    def _send(self, method: str, path: str, document: Mapping[str, Any] | None) -> Any:
        status, answer = self.ask(method, path, document)
        if status == OK:
            return answer
        raise refused(answer)

    def ask(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Status and JSON of one request; a door that is away or is none ends the command."""
        request = self._request(method, path)
        if document is not None:
            request = request.header("content-type", "application/json").body_bytes(orjson.dumps(document))
        try:
            response = request.build().send()
            return response.status, _judged(response.status, orjson.loads(bytes(response.bytes())))
        except (ValueError, KeyError, TypeError):
            raise fail(f"{self.server} does not answer as a door does.", UNREACHABLE) from None
        except PyreqwestError as error:
            reason = f"{self.server} cannot be reached ({type(error).__name__})"
            raise fail(f"{reason}. Is the door up? Run: sallyport up", UNREACHABLE) from None

    def _request(self, method: str, path: str) -> SyncRequestBuilder:
        try:
            request = self._client.request(method, self.server + path)
            if self._key:
                request = request.header("authorization", f"Bearer {self._key}", is_sensitive=True)
        except ValueError:
            raise fail(f"{self.server} or its key cannot be used. Run: sallyport login", 2) from None
        return request


def refused(answer: Mapping[str, Any]) -> typer.Exit:
    """Say why the door refused; raise what this returns."""
    error = answer["error"]
    return fail(f"{error['message']} [{error['code']}, {error.get('request_id')}]", REFUSED)


class _Answer(dict[str, Any]):
    """What a door said. A member that it should have and lacks ends the command: then it is no door."""

    def __missing__(self, name: str) -> NoReturn:
        raise fail(f"the answer of the door lacks {name!r}. Is it of this version?", UNREACHABLE)


def _judged(status: int, answer: Any) -> _Answer:
    """The answer, if a door may have said it. Raises KeyError, TypeError or ValueError."""
    if status != OK and not all(isinstance(answer["error"][name], str) for name in ("message", "code")):
        raise ValueError
    return _Answer(**answer)


def _authority(path: str) -> bytes:
    try:
        pem = Path(path).read_bytes()
    except OSError as error:
        reason = f"the authority {path} cannot be read ({error.strerror})"
        raise fail(f"{reason}. Name the door's PEM file with --ca.", 3) from None
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise fail(f"{path} holds no certificate. Name the door's PEM file with --ca.", 3)
    return pem


def known() -> Credentials:
    """Who logged in last, or the next step."""
    credentials = load(default_path())
    if credentials is None or not credentials.key:
        raise fail("nobody is logged in. Run: sallyport login", REFUSED)
    return credentials


def connect() -> DoorClient:
    """The door that the user logged in to."""
    credentials = known()
    return DoorClient(credentials.server, ca=credentials.ca, key=credentials.key)


def door_of(state: Path) -> tuple[str, str]:
    """Address and authority of the door whose state folder is at hand."""
    from sallyport.settings import load as load_settings  # noqa: PLC0415

    settings = load_settings(state / "sallyport.toml")
    return f"https://{settings.server.listen}", str(settings.state / "ca" / "authority.pem")
