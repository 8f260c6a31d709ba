"""The state of a deployment without its door: for the administrator at the machine, and for first starts.

Whoever can read the state folder and its root key can do this anyway; the door itself is not needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
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
from sallyport.wiring.places import Places


@asynccontextmanager
async def open_keyring(settings: Settings) -> AsyncIterator[tuple[KeyRing, SealedStateStore]]:
    """The key ring and the sealed state. Raises SettingsError or KeyFault."""
    places = Places.of(settings)
    store = await SqliteStateStore.open(places.database)
    try:
        await history.refuse_lost_keys(store, places)
        keyring = KeyRing(
            store, open_root(places.root_key, in_use=await in_use(store)), time.monotonic, os.urandom
        )
        await keyring.start()
        yield keyring, SealedStateStore(store, keyring)
    finally:
        await store.close()


@asynccontextmanager
async def open_directory(settings: Settings) -> AsyncIterator[Directory]:
    """The built-in directory. A running door sees changes within its feed's interval."""
    async with open_keyring(settings) as (_, state):
        feed = RevocationFeed(state)
        await feed.start()
        sessions = SessionKeys(state, feed, rules=translate.session_rules(settings))
        directory = Directory(state, sessions=sessions, feed=feed)
        try:
            yield directory
        finally:
            directory.close()
            await feed.stop()
