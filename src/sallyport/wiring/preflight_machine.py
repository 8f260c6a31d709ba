"""What this machine will make of a configuration: numbers, files, folders, space, the address."""

from __future__ import annotations

import math
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509

from sallyport.audit.note import usable_name
from sallyport.errors import SettingsError
from sallyport.gateway.edge.process import check_certificates, check_port, is_listening
from sallyport.keys.root import FileRoot
from sallyport.serving.door import split_listen
from sallyport.settings import Settings
from sallyport.settings.schema import Base
from sallyport.stores.files import refuse_shared
from sallyport.wiring import translate
from sallyport.wiring.places import Places

# Where nothing means no limit, free of charge, or not at all.
MAY_BE_ZERO = {
    "requests_per_minute", "tokens_per_day", "money_per_day", "input_price", "output_price",
    "leeway", "cache_seconds", "reserve_bytes", "extend_seconds", "emergency_seconds",
}  # fmt: skip
LONGEST_SOCKET = 107  # sockaddr_un


def numbers(settings: Settings) -> Iterator[SettingsError]:
    """Sizes and times that bound something."""
    yield from _numbers(settings, "")


def _numbers(value: Any, where: str) -> Iterator[SettingsError]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{where}[{index}]")
    if not isinstance(value, Base):
        return
    for field in msgspec.structs.fields(value):
        inner, dotted = getattr(value, field.name), f"{where}.{field.name}".lstrip(".")
        yield from _numbers(inner, dotted)
        if isinstance(inner, bool) or not isinstance(inner, int | float):
            continue
        if not math.isfinite(inner) or inner < 0 or (inner == 0 and field.name not in MAY_BE_ZERO):
            yield SettingsError(
                dotted, f"{inner} bounds nothing", f"write a number above 0, e.g. {field.default}"
            )


def tls(settings: Settings) -> Iterator[SettingsError]:
    """Names and certificates that clients can be shown."""
    given = settings.tls
    if not settings.server.names:
        yield SettingsError(
            "server.names", "is empty, so no request is for this door", 'write names = ["localhost"]'
        )
    for name in settings.server.names:
        if "/" in name or name != name.strip() or not name.isascii():
            yield SettingsError("server.names", f"{name!r} is no host name", "write the name alone, in ASCII")
    if given.client_ca:
        certificates("tls.client_ca", given.client_ca)
    if given.certificate:
        certificates("tls.certificate", given.certificate)
        translate.read_file(given.key)
        check_certificates(given.certificate, given.key, given.client_ca)


def certificates(key: str, path: str) -> None:
    """Raise SettingsError unless a file holds certificates that have not ended."""
    try:
        found = x509.load_pem_x509_certificates(translate.read_file(path))
    except ValueError:
        raise SettingsError(key, f"{path} holds no certificate", "name a PEM file") from None
    ended = [c for c in found if c.not_valid_after_utc < datetime.now(UTC)]
    if ended:
        when = ended[0].not_valid_after_utc.date()
        raise SettingsError(key, f"{path} holds a certificate that ended on {when}", "renew it")


def state(settings: Settings) -> Iterator[SettingsError]:
    """A folder of our own, with a root key that is one."""
    places = Places.of(settings)
    if settings.keys.root and not settings.keys.root.startswith("file:"):
        yield SettingsError("keys.root", f"{settings.keys.root!r} is no reference", "write file:/path")
    yield from _place("server.state", places.state, settings.server.state)
    if len(str(places.sockets / "worker-00.sock").encode()) >= LONGEST_SOCKET:
        yield SettingsError("server.state", "the path is too long for a Unix socket", "choose a shorter one")
    if places.root_key.exists():
        FileRoot.load(places.root_key)


def audit(settings: Settings) -> Iterator[SettingsError]:
    """A log that can be named, and has the space that it reserves."""
    given, place = settings.audit, settings.audit_directory
    if given.origin and not usable_name(given.origin):
        yield SettingsError(
            "audit.origin", "a log's name has no blanks and no plus", "write log.example.com/door"
        )
    yield from _place("audit.directory", place, str(place))
    free = shutil.disk_usage(_existing(place)).free
    if free < given.reserve_bytes:
        yield SettingsError(
            "audit.reserve_bytes",
            f"{free} bytes are free at {place}, so every call would be refused",
            "free space, or reserve less",
        )


def _place(key: str, folder: Path, written: str) -> Iterator[SettingsError]:
    if folder.is_dir():
        refuse_shared(folder, folder.stat())
    elif folder.exists():
        yield SettingsError(key, f"{written} is a file", "name a folder")
    elif not os.access(_existing(folder), os.W_OK | os.X_OK):
        yield SettingsError(
            key, f"{written} cannot be made", f"make it for this user, or chown {_existing(folder)}"
        )


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.is_dir())


def listen(settings: Settings) -> Iterator[SettingsError]:
    """An address that is ours to listen on; the door of the same state folder may be doing so already."""
    host, port = split_listen(settings.server.listen)
    if not (_own_door_runs(settings) and is_listening(host, port)):
        check_port(host, port)
    yield from ()


def _own_door_runs(settings: Settings) -> bool:
    path = Places.of(settings).sockets / "worker-0.sock"
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


CHECKS: tuple[tuple[str, Callable[[Settings], Iterator[SettingsError]]], ...] = (
    ("numbers", numbers), ("tls", tls), ("server.state", state), ("audit", audit), ("server.listen", listen),
)  # fmt: skip
