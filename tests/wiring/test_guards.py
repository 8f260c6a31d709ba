"""What plug-in detectors find is kept although the guard's own scans do not see it."""

from __future__ import annotations

import os
import time

import pytest

from sallyport.errors import DetectorFault
from sallyport.inspection.room import InspectionRoom, RoomOptions
from sallyport.inspection.vault import Vaults
from sallyport.model import Finding, Principal
from sallyport.wiring.guards import Bounds, Guards

TEXT = "our word"


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
    guard = guards.guard(conversation, (), ())
    released = getattr(guard, way)(f'{{"a": "{TEXT}"}}', (finding("flag", "rules"), finding(action)))
    assert released.blocked == finding(action)
    assert released.text == ""


@pytest.mark.parametrize("way", ["whole", "arguments"])
@pytest.mark.parametrize("action", ["flag", "allow"])
def test_what_a_plug_in_only_notes_is_released(guards, conversation, way, action):
    guard = guards.guard(conversation, (), ())
    released = getattr(guard, way)(f'{{"a": "{TEXT}"}}', (finding(action),))
    assert released.blocked is None
    assert TEXT in released.text


def test_what_a_plug_in_wants_masked_in_arguments_is_refused(conversation):
    assert conversation.mask_arguments('{"a": "b"}', (finding("flag"),)) == '{"a": "b"}'
    with pytest.raises(DetectorFault):
        conversation.mask_arguments('{"a": "b"}', (finding("mask"),))
