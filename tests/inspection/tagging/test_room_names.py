"""Names through the room and the vault: one person is one token, in every turn and however often."""

import re

import pytest

from sallyport.inspection.actions import ActionRow
from sallyport.inspection.room import InspectionRoom, RoomOptions
from sallyport.inspection.tagging.dictionaries import Dictionary
from sallyport.inspection.tagging.look import LookOptions
from sallyport.inspection.vault import Vault
from sallyport.model import Leaf

NONCE = "bcdfghjkmn"
OPTIONS = RoomOptions(
    actions=(ActionRow(type="person", action="mask"), ActionRow(type="project", action="mask")),
    look=LookOptions(types=("person",), dictionaries=(Dictionary(type="project", values=("Blue Falcon",)),)),
    learned=False,
)
FIRST = "Please write to Anna Schmidt about the invoice. Anna Schmidt is waiting for it."
SECOND = "Anna called again; Ms Schmidt wants it for blue falcon. Market it to Mark Weber, ANNA SCHMIDT said."


@pytest.fixture
async def room():
    room = InspectionRoom(OPTIONS)
    await room.start()
    yield room
    await room.stop()


def leaves(*texts):
    return [Leaf(("messages", n, "content"), text, "user") for n, text in enumerate(texts)]


async def masked(room, vault, *texts):
    found = await room.inspect(leaves(*texts), "input", ())
    return [vault.mask(text, [f for f in found if f.leaf == n]) for n, text in enumerate(texts)]


async def test_the_same_person_is_the_same_token_in_every_turn(room):
    vault = Vault(NONCE)
    (once,) = await masked(room, vault, FIRST)
    first, second = await masked(room, vault, FIRST, SECOND)
    assert first == once
    whole = re.findall(r"<PERSON_\w+_\d+>", first)
    assert len(whole) == 2
    assert len(set(whole)) == 1
    assert not re.search(r"Anna|Schmidt|Weber|falcon", second)
    assert "Market" in second
    assert whole[0][:-1] + "b>" in second  # the same person in another written form
    assert [vault.unmask(text, lambda _kind, _origin: True) for text in (first, second)] == [FIRST, SECOND]


async def test_parts_of_a_name_have_tokens_of_their_own(room):
    vault = Vault(NONCE)
    _, one, two = await masked(room, vault, FIRST, "So Anna left.", "And Anna came back.")
    tokens = re.findall(r"<PERSON_\w+>", one + two)
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


async def test_names_of_a_long_text_are_found_in_the_worker(room):
    text = "It was a quiet day and nothing happened at all. " * 60 + FIRST
    found = await room.inspect(leaves(text), "input", ())
    assert [text[f.start : f.end] for f in found if f.type == "person"] == ["Anna Schmidt"] * 2


async def test_answers_are_searched_for_own_values_alone(room):
    found = await room.inspect([Leaf((), FIRST + " Blue Falcon", "assistant")], "output", ())
    assert [f.type for f in found] == ["project"]
    assert room.watch() is None
