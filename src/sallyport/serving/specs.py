"""The two kinds of children that the door has: Envoy, and workers."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import msgspec

from sallyport.gateway.edge.config import EdgePlan, certificate_resource, envoy_config
from sallyport.gateway.edge.process import (
    check_certificates,
    check_port,
    envoy_command,
    explain,
    is_listening,
)
from sallyport.gateway.socket import bind_private, private_folder
from sallyport.serving.child import ChildSpec
from sallyport.serving.worker import WorkerOrders
from sallyport.stores.shelf import Shelf


def edge_child(plan: EdgePlan) -> ChildSpec:
    """Envoy. Start it last: the door opens when there is somebody behind it."""
    return ChildSpec(
        name="edge",
        command=envoy_command(plan.threads),
        payload=envoy_config(plan),
        before=partial(prepare_edge, plan),
        ready=partial(is_listening, plan.host, plan.port),
        explain=partial(explain, host=plan.host, port=plan.port),
        stop_seconds=3.0,
    )


def prepare_edge(plan: EdgePlan) -> None:
    """Look at the port and the certificates, and write what Envoy watches. Raises `SettingsError`."""
    check_port(plan.host, plan.port)
    check_certificates(
        plan.certificate, plan.key, plan.client_ca if plan.client_certificates != "none" else ""
    )
    resource = Path(plan.resource)
    private_folder(resource.parent)
    temporary = resource.with_suffix(".new")
    temporary.write_bytes(certificate_resource(plan))
    temporary.replace(resource)


def worker_child(orders: WorkerOrders, path: Path) -> ChildSpec:
    """A worker behind the Unix socket at `path`, which is bound here. Raises `SettingsError`."""
    return ChildSpec(
        name=f"worker-{orders.number}",
        command=(
            sys.executable,
            "-P",
            "-m",
            "sallyport.serving.worker",
            "{parent}",
            "{payload}",
            "{beat}",
            "{listener}",
            "{shelf}",
        ),
        payload=msgspec.json.encode(orders),
        listener=bind_private(path),
        shelf=Shelf.make("sallyport-gates"),
        stop_seconds=orders.graceful_seconds + 5.0,
    )
