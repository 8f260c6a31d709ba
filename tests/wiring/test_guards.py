"""What plug-in detectors find is kept although the guard's own scans do not see it."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace

import pytest

from sallyport.errors import DetectorFault
from sallyport.inspection.room import InspectionRoom, RoomOptions
from sallyport.inspection.vault import Vaults
from sallyport.model import Finding, Principal
from sallyport.wiring.guards import LONG_CHARACTERS, Bounds, Guards

TEXT = "our word"
READER = SimpleNamespace(
    may_have=lambda _kind, _origin: True, judged=tuple
)  # to whom no policy keeps anything


def release(guard, way, text, findings):
    reader = (READER,) if way == "arguments" else ()
    return getattr(guard, way)(text, findings, *reader)


@pytest.fixture
def guards():
    bounds = Bounds(hold_back=128, open_token=4096, literals=())
    return Guards(
        InspectionRoom(RoomOptions()), Vaults(time.monotonic, os.urandom), bounds, frozenset({"theirs"})
    )


@pytest.fixture
def conversation(guards):
    return guards.vault(Principal(id="local|sam"), "")


def finding(action, layer="theirs"):
    return Finding(type="theirs.word", start=0, end=8, action=action, layer=layer)


@pytest.mark.parametrize("way", ["whole", "arguments"])
@pytest.mark.parametrize("action", ["block", "mask"])
def test_what_a_plug_in_stops_is_not_released(guards, conversation, way, action):
    guard = guards.guard(conversation, (), (), READER)
    released = release(guard, way, f'{{"a": "{TEXT}"}}', (finding("flag", "rules"), finding(action)))
    assert released.blocked == finding(action)
    assert released.text == ""


@pytest.mark.parametrize("way", ["whole", "arguments"])
@pytest.mark.parametrize("action", ["flag", "allow"])
def test_what_a_plug_in_only_notes_is_released(guards, conversation, way, action):
    guard = guards.guard(conversation, (), (), READER)
    released = release(guard, way, f'{{"a": "{TEXT}"}}', (finding(action),))
    assert released.blocked is None
    assert TEXT in released.text


def test_what_a_plug_in_wants_masked_in_arguments_is_refused(conversation):
    assert conversation.mask_arguments('{"a": "b"}', (finding("flag"),)) == '{"a": "b"}'
    with pytest.raises(DetectorFault):
        conversation.mask_arguments('{"a": "b"}', (finding("mask"),))


def test_long_arguments_are_masked_and_restored_not_refused(guards, conversation):
    text = json.dumps({"to": "ada@example.org", "body": "word " * 5000, "note": "a\nb ada@example.org"})
    found = tuple(
        Finding(type="email", start=at, end=at + 15, action="mask")
        for at in (text.index("ada@"), text.rindex("ada@"))
    )
    masked = conversation.mask_arguments(text, found)
    assert "ada@" not in masked
    assert guards.guard(conversation, (), (), READER).arguments(masked, (), READER).text == text
    assert "ada@" not in guards.guard(conversation, (), (), READER).arguments(text, found, READER).text


def test_values_in_arguments_that_are_no_json_are_spelled_with_escapes(guards, conversation):
    value = 'a "b"\\c@example.org'
    token = conversation.mask(value, (Finding(type="email", start=0, end=len(value), action="mask"),))
    broken = f'{{"to": "{token}", "x": "ada@example.org'
    found = (Finding(type="email", start=broken.index("ada@"), end=len(broken), action="mask"),)
    for findings in ((), found):
        out = guards.guard(conversation, (), (), READER).arguments(broken, findings, READER)
        assert '{"to": "a \\"b\\"\\\\c@example.org", "x": "' in out.text


@pytest.mark.parametrize(
    ("characters", "findings", "conversation", "apart"),
    [
        (LONG_CHARACTERS, 0, "", False),
        (LONG_CHARACTERS + 1, 0, "", True),
        (LONG_CHARACTERS + 1, 1, "", True),
        (LONG_CHARACTERS + 1, 0, "named", True),
        (LONG_CHARACTERS + 1, 1, "named", False),
    ],
)
def test_a_text_is_masked_in_another_thread_only_if_no_other_call_can_know_the_vault(
    guards, characters, findings, conversation, apart
):
    vault = guards.vault(Principal(id="ann"), conversation)
    found = [Finding(type="email", start=0, end=1, action="mask")] * findings
    assert vault.is_apart("a" * characters, found) is apart
