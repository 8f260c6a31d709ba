"""Detectors of others that raise, hang, crash, swell or lie: each such call is refused, and only that call."""

from __future__ import annotations

import threading
from pathlib import Path

import hostile_detectors
import pytest
from whole import Caller, Upstream, body, code, entries, family, prepared, wait_for

pytestmark = pytest.mark.slow
HELPERS = str(Path(hostile_detectors.__file__).parent)
FAULTS = [*hostile_detectors.ACTS, *hostile_detectors.LIES]
CONFIGURATION = """
[[inspection.plug_ins]]
name = "hostile"
factory = "hostile_detectors:Hostile"
seconds = 1.0
memory_mb = 512
[[inspection.actions]]
type = "hostile.word"
action = "block"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    upstream = Upstream()
    folder = tmp_path_factory.mktemp("detectors") / "door"
    door = prepared(folder, upstream=upstream, more=CONFIGURATION, environment={"PYTHONPATH": HELPERS})
    door.start()
    with Caller(door, door.login("sam")) as sam:
        yield door, sam, upstream
    assert door.stop() == 0
    upstream.stop()


def helpers(door):
    return {pid for pid, line in family(door.process.pid).items() if "inspection.worker" in line}


def logged(door, answer):
    request = answer.headers["x-request-id"]
    return [e for e in entries(door) if e.get("request") == request]


def assert_serves(place):
    """Both processes of the detector are there again (the encoder may have one, too), and what is harmless passes."""
    door, sam, _ = place
    wait_for(lambda: len(helpers(door)) >= 2, "the processes of the detector")
    assert "harmless" in sam.chat("harmless").json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_on_input_sends_nothing(place, fault, stream):
    door, sam, upstream = place
    before = upstream.calls
    answer = sam.chat(f"input:{fault} walnutpayload", stream=stream)
    assert (answer.status_code, code(answer)) == (503, "inspection_failed")
    assert upstream.calls == before
    assert [(e["kind"], e["code"], e["stage"]) for e in logged(door, answer)] == [
        ("refusal", "inspection_failed", "inspect_input")
    ]
    assert "walnutpayload" not in answer.text
    assert_serves(place)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_on_output_releases_nothing_more(place, fault, stream):
    door, sam, upstream = place
    before = upstream.calls
    answer = sam.chat(f"say output:{fault} walnutpayload", stream=stream)
    assert code(answer) == "inspection_failed"
    assert upstream.calls == before + 1
    assert [(e["kind"], e.get("code", "")) for e in logged(door, answer)] == [
        ("intent", ""),
        ("outcome", "inspection_failed"),
    ]
    assert "walnutpayload" not in answer.text
    assert "[DONE]" not in answer.text
    assert_serves(place)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("word", hostile_detectors.WORDS)
def test_what_a_detector_finds_is_judged_by_our_actions(place, word, stream):
    _, sam, upstream = place
    before = upstream.calls
    assert code(sam.chat(f"input:{word}", stream=stream)) == "finding_blocked"
    assert upstream.calls == before
    answer = sam.chat(f"say output:{word} walnutpayload", stream=stream)
    assert code(answer) == "output_blocked"
    assert "walnutpayload" not in answer.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("word", hostile_detectors.WORDS)
def test_what_a_detector_finds_in_tool_arguments_is_not_delivered(place, word, stream):
    _, sam, _ = place
    tool = {"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}
    text = f'call pay with {{"to": "output:{word} walnutpayload"}}'
    answer = sam.chat(text, stream=stream, tools=[tool])
    assert code(answer) == "output_blocked"
    assert "walnutpayload" not in answer.text


def test_the_same_text_is_refused_again(place):
    _, sam, upstream = place
    before = upstream.calls
    history = [
        {"role": "user", "content": "input:raise"},
        {"role": "assistant", "content": "well"},
        {"role": "user", "content": "and now?"},
    ]
    for _ in range(3):
        assert code(sam.chat("input:raise")) == "inspection_failed"
        assert code(sam.chat(messages=history)) == "inspection_failed"
    assert upstream.calls == before


def test_a_late_fault_in_a_long_stream_ends_it_with_an_error_event(place):
    _, sam, _ = place
    text = "the tide comes and goes " * 40
    answer = sam.chat(f"say {text} output:raise walnutpayload", stream=True)
    assert answer.status_code == 200
    assert "the tide" in answer.text.replace('"}}', "")
    assert code(answer) == "inspection_failed"
    assert "[DONE]" not in answer.text
    assert "walnutpayload" not in answer.text


@pytest.mark.parametrize("fault", ["hang", "catastrophe"])
@pytest.mark.parametrize("direction", ["input:", "say output:"])
def test_a_hung_detector_holds_up_nobody_else(place, direction, fault):
    door, sam, _ = place
    wait_for(lambda: len(helpers(door)) >= 2, "the processes of the detector")
    order = []

    def hung():
        answer = sam.http.post("/v1/chat/completions", json=body(direction + fault))
        order.append(code(answer))

    other = threading.Thread(target=hung)
    other.start()
    for number in range(5):
        assert code(sam.chat(f"in between {number}")) == ""
        order.append(number)
    other.join(30)
    assert order[-1] == "inspection_failed"
    assert order[:-1] == list(range(5))
    assert_serves(place)


def test_no_process_of_a_detector_outlives_it(place):
    door, sam, _ = place
    assert_serves(place)
    seen = set(family(door.process.pid))
    assert code(sam.chat("input:children")) == "inspection_failed"
    assert_serves(place)
    started = set(family(door.process.pid)) - seen
    assert len(started) <= 2
    assert not any("time.sleep(600)" in line for line in family(door.process.pid).values())


@pytest.mark.parametrize(
    "factory", ["hostile_detectors:broken", "hostile_detectors:missing", "no_such_module:x"]
)
def test_a_detector_that_cannot_be_built_stops_the_start(tmp_path, factory):
    more = CONFIGURATION.replace("hostile_detectors:Hostile", factory)
    door = prepared(tmp_path / "door", more=more, environment={"PYTHONPATH": HELPERS})
    with pytest.raises(RuntimeError, match=r"detector could not be built|cannot be found"):
        door.start()
    assert not any("sallyport" in line for line in family(door.process.pid).values())
