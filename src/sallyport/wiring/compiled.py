"""The compiled gates of the detectors, kept for later starts: compiling them takes two seconds of a processor.

They lie sealed in the state store, because whoever could change them there could make the detectors blind. What
does not open or cannot be read is compiled anew.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from sallyport.errors import Conflict, Fault, KeyFault
from sallyport.keys.sealed_state import SealedStateStore
from sallyport.stores.protocols import Change
from sallyport.stores.shelf import Shelf

KIND, KEY = "compiled", "gates"
logger = logging.getLogger("sallyport.wiring")
_decode = msgspec.msgpack.Decoder(dict[bytes, bytes]).decode


class CompiledGates:
    """Where an earlier life of this worker, or an earlier start, left them."""

    def __init__(self, state: SealedStateStore, shelf: Shelf | None) -> None:
        self._state, self._shelf = state, shelf
        self._stored: dict[bytes, bytes] = {}

    async def known(self) -> Mapping[bytes, bytes]:
        """Those that were left, by the digest of what they were compiled from; none is a good answer, too."""
        left = self._shelf.get() if self._shelf else b""
        if left:
            self._stored = _decode(left)
            return self._stored
        try:
            row = await self._state.read(KIND, KEY)
            self._stored = _decode(row.value) if row else {}
        except (KeyFault, msgspec.DecodeError) as error:
            logger.warning("kept gates cannot be read, compiling anew: %s", type(error).__name__)
        return self._stored

    def hand_on(self, gates: Mapping[bytes, bytes]) -> None:
        """Leave them for the next life, before anything of a caller's is seen."""
        if self._shelf and not self._shelf.get():
            self._shelf.fill(msgspec.msgpack.encode(gates))

    async def keep(self, gates: Mapping[bytes, bytes]) -> None:
        """Leave them for later starts, where they are not there yet."""
        if gates.keys() == self._stored.keys():
            return
        try:
            await self._state.commit([Change(kind=KIND, key=KEY, value=msgspec.msgpack.encode(gates))])
        except (Conflict, Fault) as error:  # another worker was faster, or the next start compiles again
            logger.warning("compiled gates were not kept: %s", type(error).__name__)
