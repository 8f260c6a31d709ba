"""Sessions of the built-in directory, and its people as administrators see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from sallyport.errors import Refusal
from sallyport.gateway import stages
from sallyport.gateway.exchange import Exchange
from sallyport.gateway.own.base import Desk, texts
from sallyport.model import Principal

ROLES, ROLE_CHARACTERS = 64, 64  # of one person, at most


class People(Protocol):
    """The built-in directory. Its answers are structs without secrets, or refusals."""

    async def login(self, name: str, password: str, code: str, *, source: str, device: str = "") -> Any:
        """Open a session."""

    async def logout(self, key: str) -> Refusal | None:
        """End one."""

    async def enrol_begin(self, link_secret: str, password: str) -> Any:
        """First step over a one-time link."""

    async def enrol_finish(self, link_secret: str, code: str) -> Any:
        """Second step."""

    async def create_person(self, name: str, roles: Any, *, by: str) -> Any:
        """Enter a person."""

    async def recovery_link(self, name: str, *, by: str) -> Any:
        """For who lost a factor."""

    async def suspend(self, name: str, *, by: str) -> Any:
        """Keep out."""

    async def resume(self, name: str, *, by: str) -> Any:
        """Let in again."""

    async def set_roles(self, name: str, roles: Any, *, by: str) -> Any:
        """Replace the roles."""

    async def people(self) -> Any:
        """Everybody."""


class Sessions:
    """Logging in and out, and who one is."""

    def __init__(
        self,
        desk: Desk,
        people: People,
        refresh: Callable[[str], Awaitable[Any]],
        providers: Sequence[Mapping[str, Any]],
    ) -> None:
        self._desk, self._people, self._refresh, self._offered = desk, people, refresh, providers

    async def providers(self, _x: Exchange) -> Any:
        """The identity providers that one can log in with."""
        return {"providers": list(self._offered)}

    async def login(self, x: Exchange) -> Any:
        """{name, password, code, device?} -> a key. A known device is throttled by itself."""
        document = await self._desk.document(x)
        device = document.pop("device", "") if isinstance(document, dict) else ""
        given = document if isinstance(document, Refusal) else texts(document, "name", "password", "code")
        if isinstance(given, Refusal):
            return given
        if not isinstance(device, str):
            return Refusal(code="field_invalid", param="device")
        name, password, code = given["name"], given["password"], given["code"]
        issued = await self._people.login(name, password, code, source=x.peer, device=device)
        if not isinstance(issued, Refusal):  # without the entry nobody gets the key
            session = self._desk.rooms.sealer.pseudonym("session|" + issued.session)
            await self._desk.note_of(x, "session.open", issued.principal, session=session)
        return _plain(issued)

    async def enrol(self, x: Exchange) -> Any:
        """{link, password} -> what the authenticator app needs."""
        document = await self._desk.document(x)
        given = document if isinstance(document, Refusal) else texts(document, "link", "password")
        if isinstance(given, Refusal):
            return given
        return _plain(await self._people.enrol_begin(given["link"], given["password"]))

    async def enrol_finish(self, x: Exchange) -> Any:
        """{link, code} -> the person."""
        document = await self._desk.document(x)
        given = document if isinstance(document, Refusal) else texts(document, "link", "code")
        if isinstance(given, Refusal):
            return given
        enrolled = await self._people.enrol_finish(given["link"], given["code"])
        if not isinstance(enrolled, Refusal):
            await self._desk.note_of(x, "person.enrolled", enrolled.principal)
        return _plain(enrolled)

    async def logout(self, x: Exchange) -> Any:
        """End the session of the key that is sent."""
        return await self._people.logout(_key(x)) or {"ended": True}

    async def refresh(self, x: Exchange) -> Any:
        """A new key of the same session."""
        return _plain(await self._refresh(_key(x)))

    async def whoami(self, x: Exchange) -> dict[str, Any]:
        """The principal as the door sees it."""
        principal = stages.expect(x.principal, Principal)
        return {
            "id": principal.id,
            "kind": principal.kind,
            "issuer": principal.issuer,
            "roles": list(principal.roles),
            "mfa": principal.mfa,
            "acr": principal.acr,
            "amr": list(principal.amr),
            "expires": principal.expires,
            "device": x.device.id,
            "tls": {"version": x.tls.version, "cipher": x.tls.cipher, "group": x.tls.group},
            "budget": dict(self._desk.rooms.budgets.headers(principal)),
        }


class Administration:
    """What a security administrator does with people. Each act is in the log before it happens."""

    def __init__(self, desk: Desk, people: People) -> None:
        self._desk, self._people = desk, people

    async def list(self, x: Exchange) -> Any:
        """Everybody, without secrets."""
        denied = self._desk.may(x, "manage_people")
        if denied is not None:
            return denied
        await self._desk.note(x, "people.list")
        return {"people": _plain(await self._people.people())}

    async def act(self, x: Exchange) -> Any:
        """{action, name, roles?}: create, recover, suspend, resume, roles."""
        denied = self._desk.may(x, "manage_people")
        document = denied or await self._desk.document(x)
        if isinstance(document, Refusal):
            return document
        roles = document.pop("roles", [])
        given = texts(document, "action", "name")
        if isinstance(given, Refusal):
            return given
        if not isinstance(roles, list) or len(roles) > ROLES or not all(_is_role(role) for role in roles):
            return Refusal(code="field_invalid", param="roles")
        return await self._do(x, given["action"], given["name"], roles)

    async def _do(self, x: Exchange, action: str, name: str, roles: Any) -> Any:
        by = stages.expect(x.principal, Principal).id
        acts: dict[str, Callable[[], Awaitable[Any]]] = {
            "create": lambda: self._people.create_person(name, roles, by=by),
            "recover": lambda: self._people.recovery_link(name, by=by),
            "suspend": lambda: self._people.suspend(name, by=by),
            "resume": lambda: self._people.resume(name, by=by),
            "roles": lambda: self._people.set_roles(name, roles, by=by),
        }
        act = acts.get(action)
        if act is None:
            return Refusal(
                code="field_invalid", message="`action` must be one of " + ", ".join(acts), param="action"
            )
        target = self._desk.rooms.sealer.pseudonym("local|" + name.lower())
        await self._desk.note(x, f"people.{action}", target=target, details={"roles": roles})
        return _plain(await act())


def _is_role(role: object) -> bool:
    """Whether it can be a role's name; nothing else gets into the log."""
    return isinstance(role, str) and 0 < len(role) <= ROLE_CHARACTERS and role.isprintable()


def _key(x: Exchange) -> str:
    """The bearer that identified the caller; its form was checked by the identity room."""
    for name, value in x.headers:
        if name == b"authorization":
            return value.decode("latin-1").partition(" ")[2].strip()
        if name in {b"x-api-key", b"api-key"}:
            return value.decode("latin-1").strip()
    return ""


def _plain(value: Any) -> Any:
    return value if isinstance(value, Refusal) else msgspec.to_builtins(value)
