"""The settings on topics, hosts and actions, as the room has them and as `sallyport check` sees them."""

from __future__ import annotations

import pytest

from sallyport.errors import SettingsError
from sallyport.settings import loads
from sallyport.wiring import translate
from sallyport.wiring.inspecting import Inspector
from sallyport.wiring.preflight_rooms import inspection

TOPIC = """
[[inspection.topics]]
name = "merger"
words = ["takeover*"]
phrases = ["project lighthouse"]
role = "support"
action = "step-up"
message = "Ask legal."
"""


@pytest.mark.parametrize(
    ("text", "channel", "direction", "role", "verdict", "delivered"),
    [
        ("About Project Lighthouse", "user", "input", "support", "block", ""),
        ("About Project Lighthouse", "user", "input", "analyst", "allow", "About Project Lighthouse"),
        ("The takeovers", "assistant", "output", "support", "block", ""),
        ("see https://evil.example/a", "assistant", "output", "support", "allow", "see [EGRESSLINK]"),
        ("see https://example.com/a", "assistant", "output", "support", "allow", "see https://example.com/a"),
        ("![x](https://evil.example/a?b=c)", "assistant", "output", "support", "block", ""),
        ("DROP TABLE users", "assistant", "output", "support", "flag", "DROP TABLE users"),
    ],
)
async def test_what_the_door_does(
    text: str, channel: str, direction: str, role: str, verdict: str, delivered: str
) -> None:
    settings = loads('[inspection]\nunsafe_learned_off = true\negress_hosts = ["example.com"]\n' + TOPIC)
    async with Inspector(settings) as inspector:
        seen = await inspector.look(text, channel, direction, (role,))
    assert (seen.verdict, seen.delivered, seen.score) == (verdict, delivered, 0.9 if "b=c" in text else 0.0)


async def test_a_long_text_is_looked_at_for_topics_in_its_worker() -> None:
    async with Inspector(
        loads("[inspection]\nunsafe_learned_off = true\ninline_characters = 100\n" + TOPIC)
    ) as inspector:
        seen = await inspector.look("word " * 500 + "takeover", "user", "input", ("support",))
    assert [(f.type, f.action, f.notice) for f in seen.findings] == [
        ("topic.merger", "step-up", "Ask legal.")
    ]


def test_an_exception_comes_before_the_topic() -> None:
    rows = translate.inspection(
        loads('[[inspection.actions]]\ntype = "topic.merger"\naction = "flag"\n' + TOPIC)
    ).actions
    assert [(row.type, row.role, row.action) for row in rows] == [
        ("topic.merger", "*", "flag"),
        ("topic.merger", "support", "step-up"),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[[inspection.topics]]\nname = "a"\naction = "block"', "inspection.topics[0]"),
        ('[[inspection.topics]]\nname = "a"\nexpressions = ["("]\naction = "block"', "inspection.topics[0]"),
        (TOPIC + TOPIC, "inspection.topics[0]"),
    ],
)
def test_a_topic_that_cannot_be_looked_for_is_refused(text: str, key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        translate.inspection(loads(text))
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('[inspection]\negress_hosts = ["example.com", "*.a-b.example", "bücher.example"]', []),
        ('[inspection]\negress_hosts = ["https://example.com"]', ["inspection.egress_hosts[0]"]),
        ('[inspection]\negress_hosts = ["*"]', ["inspection.egress_hosts[0]"]),
        ('[[inspection.actions]]\ntype = "harm.*"\naction = "quarantine"', []),
        ('[[inspection.actions]]\ntype = "topic.*"\naction = "flag"', []),
        ('[[inspection.actions]]\ntype = "topic.x"\naction = "flag"', ["inspection.actions[0].type"]),
        ('[[inspection.actions]]\nsegment = "x"\naction = "flag"', ["inspection.actions[0].segment"]),
        (TOPIC + 'segment = "x"', ["inspection.topics[0].segment"]),
        (TOPIC + '[[inspection.actions]]\ntype = "topic.merger"\naction = "flag"', []),
    ],
)
def test_check(text: str, keys: list[str]) -> None:
    assert [problem.key for problem in inspection(loads(text))] == keys
