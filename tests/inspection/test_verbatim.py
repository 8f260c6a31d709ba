"""Text that its author signed: it leaves as it came, behind the same hold-back, or the answer ends."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import CARD, MAIL, NONCE, pieces, scan, stream, texts, unmask

from sallyport.inspection.stream import StreamGuard

TOKEN, TYPED = f"<CARD_{NONCE}_1>", f"<CARD_~{NONCE}_1>"
CUTS = st.lists(st.integers(0, 10_000), max_size=40)


@settings(max_examples=300, deadline=None)
@given(texts(), CUTS)
def test_it_is_never_changed_and_nothing_of_what_must_be_masked_leaves(text: str, cuts: list[int]) -> None:
    out = stream(pieces(text, cuts), verbatim=True)
    assert text.startswith(out.text)
    assert out == stream(list(text), verbatim=True)
    stopping = [f for f in scan(text) if f.action in {"block", "mask"}]
    if out.blocked is None:
        assert out.text == text
        assert not stopping
    elif out.blocked.type != "opaque_run":
        assert len(out.text) <= min(f.start for f in stopping)


def test_tokens_stay_as_the_model_wrote_them() -> None:
    text = f"They gave {TOKEN}, and typed {TYPED} themselves, so I shall say that. "
    out = stream(list(text), verbatim=True)
    assert (out.text, out.blocked) == (text, None)


def test_fields_are_verbatim_one_by_one() -> None:
    guard = StreamGuard(scan, unmask, verbatim=["thinking"])
    text = f"The card is {TOKEN} as it was told. "
    got = {
        field: guard.feed_text(0, field, text).text + guard.finish_text(0, field).text
        for field in ("thinking", "text")
    }
    assert got == {"thinking": text, "text": text.replace(TOKEN, CARD)}
    stopped = guard.feed_text(1, "thinking", f"The address is {MAIL}, I believe, or it was. ")
    assert stopped.blocked is not None
    assert stopped.blocked.type == "email"
    assert MAIL not in stopped.text
    assert guard.feed_text(0, "text", "more words here. ").blocked == stopped.blocked
