"""The worker's Unix socket: bound by us, for our own user alone, and each peer is asked who it is.

Folder 0700, socket 0600 from its first moment, and `SO_PEERCRED` on every connection (unix(7)). Root of the
same machine is not kept out; nothing in user space could.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from pathlib import Path

from sallyport.errors import SettingsError
from sallyport.gateway.cycle import JoinedProtocol

_UCRED = struct.Struct("3i")  # pid, uid, gid
_PATH_BYTES = 107  # sockaddr_un.sun_path without its final zero byte
BACKLOG = 2048


def bind_private(path: Path) -> socket.socket:
    """Bind and listen. The folder is made if missing; a stale socket is replaced, a live one refused.

    Raises `SettingsError`, naming the path, where the folder is not ours alone, the path is too long, something
    else lies there, or another process listens.
    """
    if len(os.fsencode(path)) > _PATH_BYTES:
        raise SettingsError(
            str(path), f"is longer than {_PATH_BYTES} bytes, too long for a socket", "shorten server.state"
        )
    private_folder(path.parent)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(str(path), f"cannot be bound: {error.strerror}", "check the folder") from None
    finally:
        os.umask(before)
    listener.settimeout(0)
    return listener


def private_folder(folder: Path) -> None:
    """Make the folder (0700), or check that it is a real folder, ours, and closed to everybody else."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            str(folder), f"cannot be made: {error.strerror}", "choose another server.state"
        ) from None
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise SettingsError(str(folder), "is not a folder", "remove it, or choose another server.state")
    if status.st_uid != os.geteuid():
        raise SettingsError(str(folder), "belongs to another user", "choose a server.state of your own")
    if status.st_mode & 0o077:
        raise SettingsError(str(folder), "can be entered by others", f"chmod 700 {folder}")


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SettingsError(str(path), "is not a socket", "remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:  # a full backlog also means that somebody listens
            pass
    raise SettingsError(str(path), "another process listens there", "stop it first")


def peer_uid(connection: socket.socket) -> int:
    """The effective user id of the process at the other end, as the kernel recorded it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(raw)[1])


def is_own_peer(connection: object) -> bool:
    """Whether the peer of a Unix socket is a process of our own user. Anything unclear is not."""
    if getattr(connection, "family", None) != socket.AF_UNIX:
        return False
    try:
        return peer_uid(connection) == os.geteuid()  # type: ignore[arg-type]
    except OSError:
        return False


class PeerCheckedProtocol(JoinedProtocol):
    """uvicorn's HTTP protocol, for our own user's processes only. Others are cut before a byte is read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Abort the transport unless its peer is ours."""
        if is_own_peer(transport.get_extra_info("socket")):
            super().connection_made(transport)
            return
        self.transport = transport
        transport.abort()
