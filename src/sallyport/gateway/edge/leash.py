"""A child that cannot outlive its parent, gain rights, dump its memory, or run out of file descriptors early.

As a program, `python -m sallyport.gateway.edge.leash PARENT COMMAND...` puts the leash on and becomes COMMAND.
It imports next to nothing, because it runs before every start of Envoy.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_SET_PARENT_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES = 1, 38  # prctl(2), linux/prctl.h
_DESCRIPTORS = 65_536


def leash(parent: int) -> None:
    """Be killed when `parent` (a process id) ends, however it ends. Raises `OSError`; exits if it is gone.

    The kernel ties this to the thread that started us, so the parent starts its children on its main thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL), (_SET_NO_NEW_PRIVILEGES, 1)):
        if libc.prctl(option, int(value), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl refused")
    if os.getppid() != parent:
        sys.exit("the parent process has ended")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    bound = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, hard))


if __name__ == "__main__":
    leash(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command comes from our own parent
