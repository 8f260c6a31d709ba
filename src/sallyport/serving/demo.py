"""The demo model as a child of the supervisor.

As a program, `python -m sallyport.serving.demo PARENT PAYLOAD PORT`: a process id, a descriptor that holds the
model's key, and the loopback port.
"""

from __future__ import annotations

import sys
from functools import partial

from sallyport.gateway.edge.leash import leash
from sallyport.gateway.edge.process import check_port, is_listening
from sallyport.serving.child import ChildSpec

HOST = "127.0.0.1"


def demo_child(port: int, key: str) -> ChildSpec:
    """The demo model on a loopback port. Only who knows the key is answered."""
    return ChildSpec(
        name="demo-model",
        command=(sys.executable, "-P", "-m", "sallyport.serving.demo", "{parent}", "{payload}", str(port)),
        payload=key.encode(),
        before=partial(check_port, HOST, port),
        ready=partial(is_listening, HOST, port),
        stop_seconds=3.0,
    )


def main(arguments: list[str]) -> None:
    """Serve until the parent ends it."""
    import uvicorn  # noqa: PLC0415 - the parent needs none of it

    from sallyport.segments.demo_server import DemoModel  # noqa: PLC0415

    parent, payload, port = (int(argument) for argument in arguments)
    leash(parent)
    with open(payload, "rb") as file:  # noqa: PTH123 - a descriptor
        key = file.read().decode()
    uvicorn.run(DemoModel(key), host=HOST, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1:])
