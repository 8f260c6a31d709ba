from __future__ import annotations

import pytest
from msgspec.structs import replace

from sallyport.identity.directory_records import KeyRecord, Person, SessionRecord
from sallyport.identity.session_rules import SessionRules, key_refusal, session_refusal

NOW = 1_800_000_000
RULES = SessionRules()
SAM = Person(name="sam")
SESSION = SessionRecord(
    person="sam", auth_time=NOW - 100, expires=NOW + 43_100, last_used=NOW - 100, key="digest"
)
KEY = KeyRecord(session="s", issued=NOW - 100, expires=NOW + 3500, session_expires=NOW + 43_100)


@pytest.mark.parametrize(
    ("session", "person", "reason"),
    [
        (SESSION, SAM, None),
        (None, SAM, "session_ended"),
        (SESSION, None, "session_ended"),
        (SESSION, Person(name="ann"), "session_ended"),
        (SESSION, replace(SAM, suspended=True), "suspended"),
        (SESSION, replace(SAM, not_before=NOW - 101), None),
        (SESSION, replace(SAM, not_before=NOW - 100), "session_ended_by_administrator"),
        (replace(SESSION, expires=NOW + 1), SAM, None),
        (replace(SESSION, expires=NOW), SAM, "session_end"),
    ],
)
def test_when_a_session_is_over(session, person, reason):
    refusal = session_refusal(session, person, now=NOW, last_used=NOW - 100, rules=RULES)
    assert (refusal.reason if refusal else None) == reason


@pytest.mark.parametrize(("last_used", "reason"), [(NOW - 1800, None), (NOW - 1801, "session_idle")])
def test_when_a_session_is_idle(last_used, reason):
    refusal = session_refusal(SESSION, SAM, now=NOW, last_used=last_used, rules=RULES)
    assert (refusal.reason if refusal else None) == reason


@pytest.mark.parametrize(
    ("key", "session", "reason"),
    [
        (KEY, SESSION, None),
        (KEY, None, None),  # the session's own rule speaks
        (replace(KEY, replaced=NOW), SESSION, "key_replaced"),
        (KEY, replace(SESSION, key="another"), "key_replaced"),
        (replace(KEY, expires=NOW + 1), SESSION, None),
        (replace(KEY, expires=NOW), SESSION, "key_end"),
    ],
)
def test_when_a_key_is_over(key, session, reason):
    refusal = key_refusal(key, "digest", session, NOW)
    assert (refusal.reason if refusal else None) == reason
