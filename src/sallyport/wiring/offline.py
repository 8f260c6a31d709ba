"""The state of a deployment without its door: for the administrator at the machine, and for first starts.

Whoever can read the state folder and its root key can do this anyway; the door itself is not needed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sallyport.identity.directory import Directory
from sallyport.identity.revocation import RevocationFeed
from sallyport.identity.sessions import SessionKeys
from sallyport.keys.keyring import KeyRing, in_use
from sallyport.keys.root import open_root
from sallyport.keys.sealed_state import SealedStateStore
from sallyport.settings import Settings
from sallyport.stores.sqlite import SqliteStateStore
from sallyport.wiring import history, translate
from sallyport.wiring.logbook import open_log
from sallyport.wiring.places import Places

INSTALLER = "local|installer"  # whoever acts at the machine, with the state folder at hand
SLOT = "offline"  # of the log's shards


@asynccontextmanager
async def open_keyring(
    settings: Settings,
) -> AsyncIterator[tuple[KeyRing, SealedStateStore, SqliteStateStore]]:
    """The key ring, the sealed state and what is below it. Raises SettingsError or KeyFault."""
    places = Places.of(settings)
    store = await SqliteStateStore.open(places.database)
    try:
        await history.refuse_lost_keys(store, places)
        keyring = KeyRing(
            store, open_root(places.root_key, in_use=await in_use(store)), time.monotonic, os.urandom
        )
        await keyring.start()
        yield keyring, SealedStateStore(store, keyring), store
    finally:
        await store.close()


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncIterator[Directory]:
    """The built-in directory. A running door sees changes within its feed's interval."""
    async with open_keyring(settings) as (_, state, _below):
        feed = RevocationFeed(state)
        await feed.start()
        sessions = SessionKeys(state, feed, rules=translate.session_rules(settings))
        directory = Directory(state, sessions=sessions, feed=feed)
        try:
            yield directory
        finally:
            directory.close()
            await feed.stop()


async def note(settings: Settings, action: str, name: str, details: Mapping[str, object]) -> None:
    """The entry of an act at the machine, durable before the act, in a shard of its own. Raises LogFault."""
    async with open_keyring(settings) as (keyring, _, store):
        writer = await open_log(settings, store, keyring, worker=SLOT)
        try:
            await writer.append(
                {
                    "kind": "admin",
                    "action": action,
                    "who": keyring.pseudonym(INSTALLER),
                    "target": keyring.pseudonym(f"local|{name.lower()}"),
                    "details": dict(details),
                }
            )
        finally:
            await asyncio.to_thread(writer.close)
