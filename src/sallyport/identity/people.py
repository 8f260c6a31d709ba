"""The rows of the people: read, list, change with compare-and-set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from sallyport.errors import Conflict, Fault, Refusal
from sallyport.identity.directory_records import Person, decode_person, encode
from sallyport.stores.protocols import Change, StateStore

ATTEMPTS = 8


class People:
    """Kind "person" of the state store."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    async def read(self, name: str) -> tuple[Person | None, int]:
        """The person and the version of their row; None and 0 if there is none."""
        row = await self._store.read("person", name)
        return (decode_person(row.value), row.version) if row is not None else (None, 0)

    async def all(self) -> list[Person]:
        """Everybody, by name."""
        return [decode_person(row.value) for row in await self._store.scan("person")]

    async def write(self, person: Person, version: int, *, also: Sequence[Change] = ()) -> None:
        """Replace the row that has this version, in one commit with `also`. Raises `Conflict`."""
        own = Change(kind="person", key=person.name, value=encode(person), expected=version)
        await self._store.commit([own, *also])

    async def change(
        self, name: str, edit: Callable[[Person], Person], *, also: Sequence[Change] = ()
    ) -> Person | Refusal:
        """Apply an edit to whatever the row is now."""
        for _ in range(ATTEMPTS):
            person, version = await self.read(name)
            if person is None:
                return Refusal(code="person_unknown")
            edited = edit(person)
            with contextlib.suppress(Conflict):
                await self.write(edited, version, also=also)
                return edited
        raise Fault("a person changed too often to be changed")
