"""Opens one shard of the audit log: for a worker, or for the administrator at the machine."""

from __future__ import annotations

import asyncio
import secrets

from sallyport.audit.shard import open_shard
from sallyport.audit.writer import LogWriter, Pace
from sallyport.keys.keyring import KeyRing
from sallyport.keys.signing import load_or_create
from sallyport.settings import Settings
from sallyport.stores.protocols import StateStore
from sallyport.wiring import history
from sallyport.wiring.places import Places

COMMIT_WINDOW = 0.004  # a batch costs a sync and a signature; a lone call does not wait for it


async def open_log(settings: Settings, store: StateStore, keyring: KeyRing, *, worker: str) -> LogWriter:
    """The shard of that slot. Raises SettingsError where the log was lost, LogFault where it cannot be opened."""
    places, audit = Places.of(settings), settings.audit
    origin = audit.origin or history.own_origin(places.origin, secrets.token_hex(8))
    await history.refuse_lost_log(store, places, origin)
    signer = await load_or_create(keyring, "log")
    pace = Pace(checkpoint=audit.checkpoint_seconds, window=COMMIT_WINDOW, reserve_bytes=audit.reserve_bytes)
    writer = await asyncio.to_thread(open_shard, places.audit, signer, origin, worker=worker, pace=pace)
    await history.remember_log(store, origin)
    return writer
