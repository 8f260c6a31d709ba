from __future__ import annotations

import hmac

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from inspection_streams import CARD, MAIL, NONCE, OTHER_NONCE, scan

from sallyport.errors import DetectorFault, Fault
from sallyport.inspection import tokens
from sallyport.inspection.vault import Vault, Vaults, identity_of
from sallyport.model import Finding


def everything(_kind: str, _origin: str) -> bool:
    return True


def masks(*spans: tuple[str, int, int]) -> list[Finding]:
    return [Finding(type=kind, start=start, end=end, action="mask") for kind, start, end in spans]


def mask(vault: Vault, text: str) -> str:
    return vault.mask(text, scan(text))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"pay with {CARD} now", f"pay with <CARD_{NONCE}_1> now"),
        (f"{CARD}, {MAIL}", f"<CARD_{NONCE}_1>, <EMAIL_{NONCE}_2>"),
        (f"{CARD} and {CARD}", f"<CARD_{NONCE}_1> and <CARD_{NONCE}_1>"),
        (f"{CARD} or {CARD.replace(' ', '')}", f"<CARD_{NONCE}_1> or <CARD_{NONCE}_1b>"),
        (f"Ada <{MAIL}>", f"Ada <<EMAIL_{NONCE}_1>>"),
        (f"write <CARD_{OTHER_NONCE}_1>", f"write <CARD_~{OTHER_NONCE}_1>"),
        (f"<CARD_~{OTHER_NONCE}_1>", f"<CARD_~~{OTHER_NONCE}_1>"),
        (f"say {NONCE}", f"say ~{NONCE}"),
        ("nothing here", "nothing here"),
        ("<b>1 < 2</b>", "<b>1 < 2</b>"),
    ],
)
def test_what_the_model_sees_and_what_comes_back(text: str, masked: str) -> None:
    vault = Vault(NONCE)
    assert mask(vault, text) == masked
    assert vault.unmask(masked, everything) == text


LOOK_ALIKE = st.sampled_from(
    [
        NONCE,
        NONCE.upper(),
        OTHER_NONCE,
        f"{NONCE[:5]} {NONCE[5:]}",
        f"<CARD_{NONCE}_1>",
        f"<CARD_{NONCE}_1b>",
        f"<card_{NONCE}_1>",
        f"<CARD_{OTHER_NONCE}_1>",
        f"<CARD_~{OTHER_NONCE}_1>",
        f"CARD_{NONCE}_",
        f"<TEXT_{NONCE}_1>",
        f"&lt;CARD_{NONCE}_1&gt;",
        "<CARD_",
        "CARD",
        "_1>",
        "<",
        ">",
        "~",
        "_",
        "1",
        "\\",
        " ",
        "\\u003c",
        "\u200b",
        "😀",
        '{"a": "',
        "4111 1111 1111 1111",
    ]
)
TEXT = st.one_of(
    st.lists(LOOK_ALIKE, max_size=8).map("".join),
    st.text(max_size=40),
    st.lists(st.one_of(LOOK_ALIKE, st.text(max_size=6)), max_size=8).map("".join),
)
SPANS = st.lists(
    st.tuples(st.sampled_from(["card", "email", "phone", "note"]), st.integers(0, 60), st.integers(1, 30)),
    max_size=5,
)


@settings(max_examples=600, deadline=None)
@given(texts=st.lists(st.tuples(TEXT, SPANS), min_size=1, max_size=3))
@example(texts=[(f"<CARD_{NONCE}_4111 1111 1111 1111>", [("card", 17, 19)])])
@example(texts=[(f"~{NONCE}", [("card", 1, 3)])])
@example(texts=[("aXbb", [("card", 1, 1)]), (f"CARD_{NONCE}_1", [])])
def test_unmasking_what_was_masked_gives_the_text(
    texts: list[tuple[str, list[tuple[str, int, int]]]],
) -> None:
    vault = Vault(NONCE)
    masked = []
    for text, spans in texts:
        findings = masks(
            *((kind, at, min(at + size, len(text))) for kind, at, size in spans if at < len(text))
        )
        masked.append((text, vault.mask(text, findings), findings))
    for text, its, findings in masked:
        assert vault.unmask(its, everything) == text
        rest = its
        for token in vault.values():
            rest = rest.replace(token, "\x00")
        for finding in findings:
            value = text[finding.start : finding.end]
            # a value with "~" may come to be anew where look-alikes are escaped
            assert len(value) < 4 or "~" in value or value not in rest


@settings(max_examples=300, deadline=None)
@given(text=TEXT, spans=SPANS)
def test_nothing_is_restored_for_a_reader_who_may_see_nothing(
    text: str, spans: list[tuple[str, int, int]]
) -> None:
    vault = Vault(NONCE)
    findings = masks(*((kind, at, min(at + size, len(text))) for kind, at, size in spans if at < len(text)))
    masked = vault.mask(text, findings)
    seen = vault.unmask(masked, lambda _kind, _origin: False)
    if findings:
        assert all(token not in masked or token in seen for token, (kind, _) in vault.values().items())


def test_overlapping_findings_leave_no_character_of_either() -> None:
    vault = Vault(NONCE)
    assert vault.mask("abcdefgh", masks(("card", 0, 4), ("phone", 2, 8))) == f"<PHONE_{NONCE}_1>"
    assert vault.values() == {f"<PHONE_{NONCE}_1>": ("phone+card", "abcdefgh")}
    assert vault.unmask(f"<PHONE_{NONCE}_1>", lambda kind, _origin: kind == "phone") == f"<PHONE_{NONCE}_1>"


def test_a_value_that_a_detector_saw_once_is_masked_everywhere_in_the_text() -> None:
    vault = Vault(NONCE)
    assert (
        vault.mask("secret7 and xsecret7x", masks(("card", 0, 7)))
        == f"<CARD_{NONCE}_1> and x<CARD_{NONCE}_1>x"
    )


def test_what_would_not_come_back_as_it_was_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(NONCE)
    mask(vault, CARD)
    monkeypatch.setattr(tokens, "escape", lambda text, _: text)
    with pytest.raises(DetectorFault):
        mask(vault, f"{MAIL} <CARD_{NONCE}_1>")


def test_only_findings_to_mask_are_masked() -> None:
    finding = Finding(type="card", start=0, end=4, action="flag")
    assert Vault(NONCE).mask("4111", [finding]) == "4111"


def test_a_label_that_is_not_the_values_own_restores_nothing() -> None:
    vault = Vault(NONCE)
    mask(vault, f"{CARD} {MAIL}")
    for text in (f"<EMAIL_{NONCE}_1>", f"email {NONCE} 1", f"<CARD_{NONCE}_2>"):
        assert vault.unmask(text, everything) == text


def test_types_decide_who_sees() -> None:
    vault = Vault(NONCE)
    masked = mask(vault, f"{CARD} {MAIL}")
    assert vault.unmask(masked, lambda kind, _origin: kind == "email") == f"<CARD_{NONCE}_1> {MAIL}"


def test_values_can_be_spelled_for_their_surroundings() -> None:
    vault = Vault(NONCE)
    vault.mask('a"b', masks(("note", 0, 3)))
    assert vault.unmask(f"<NOTE_{NONCE}_1>", everything, lambda v: v.replace('"', '\\"')) == 'a\\"b'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("4111 1111 1111 1111", "4111-1111-1111-1111", True),
        ("DE89 3704 0044 0532 0130 00", "de89370400440532013000", True),
        ("+49 30 123456", "+4930123456", True),
        ("Ada@Example.org", "ada@example.org", True),
        ("a.da@example.org", "ada@example.org", False),
        ("Abc", "abc", False),
    ],
)
def test_written_forms_of_one_value(one: str, other: str, same: bool) -> None:
    assert (identity_of(one) == identity_of(other)) is same


@pytest.mark.parametrize("bounds", [{"max_entries": 3}, {"max_bytes": 100}])
def test_a_full_vault_refuses(bounds: dict[str, int]) -> None:
    vault = Vault(NONCE, **bounds)
    with pytest.raises(Fault) as refused:
        for number in range(9):
            vault.mask(f"value {number}", masks(("card", 0, 7)))
    assert refused.value.code == "conversation_full"
    assert "value" not in str(refused.value)


def test_no_value_in_any_repr() -> None:
    vault = Vault(NONCE)
    mask(vault, CARD)
    assert "4111" not in repr(vault) + repr(list(vault._entries.values()))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def counted() -> tuple[Vaults, Clock]:
    clock, calls = Clock(), iter(range(1, 1000))
    return Vaults(
        clock, lambda n: next(calls).to_bytes(n, "big"), ttl=60, max_vaults=3, max_bytes=1000
    ), clock


def test_one_principals_conversation_is_not_anothers() -> None:
    vaults, _ = counted()
    masked = mask(vaults.get("sam", "c1"), CARD)
    assert vaults.get("sam", "c1").unmask(masked, everything) == CARD
    assert vaults.get("eve", "c1").unmask(masked, everything) == masked
    assert vaults.get("sam", "c2").unmask(masked, everything) == masked
    assert vaults.get("sa", "mc1").unmask(masked, everything) == masked
    assert vaults.get("sam").unmask(masked, everything) == masked


def test_a_conversation_without_a_name_is_one_call() -> None:
    vaults, _ = counted()
    assert vaults.get("sam") is not vaults.get("sam")
    assert len(vaults) == 0


def test_vaults_end_by_age_number_and_bytes() -> None:
    vaults, clock = counted()
    first = vaults.get("sam", "1")
    clock.now += 61
    assert vaults.get("sam", "1") is not first
    for name in "234":
        vaults.get("sam", name)
    assert len(vaults) == 3
    kept = vaults.get("sam", "4")
    vaults.get("sam", "3").mask("x" * 400, masks(("card", 0, 400)))
    vaults.get("sam", "4").mask("y" * 700, masks(("card", 0, 700)))
    assert vaults.get("sam", "4") is kept
    assert len(vaults) == 1
    assert vaults.bytes == kept.bytes <= 1000


def test_an_evicted_vault_that_is_still_in_use_is_not_counted() -> None:
    vaults, _ = counted()
    old = vaults.get("sam", "1")
    for name in "234":
        vaults.get("sam", name)
    mask(old, CARD)
    assert vaults.bytes == 0


def test_repeated_values_are_masked_wherever_they_stand_also_among_many() -> None:
    values = [f"ü{i:03}@example.org" for i in range(50)]
    text = " ".join(values) + " é again: " + ",".join(values) + "!"
    found = [
        Finding(type="email", start=text.index(v), end=text.index(v) + len(v), action="mask") for v in values
    ]
    vault = Vault(NONCE)
    masked = vault.mask(text, found)
    assert "@" not in masked
    assert vault.unmask(masked, lambda _kind, _origin: True) == text


def test_more_values_than_a_conversation_may_hold_are_refused_before_any_work() -> None:
    text = "".join(f"{i:05} " for i in range(100))
    found = [Finding(type="phone", start=6 * i, end=6 * i + 5, action="mask") for i in range(100)]
    vault = Vault(NONCE, max_entries=99)
    with pytest.raises(Fault) as fault:
        vault.mask(text, found)
    assert fault.value.code == "conversation_full"
    assert vault.values() == {}


def test_a_nonce_is_drawn_once_and_only_when_it_is_used() -> None:
    drawn = iter([NONCE])
    vault = Vault(lambda: next(drawn))
    assert vault.mask("nothing", []) == vault.unmask("nothing", everything) == "nothing"
    assert next(iter(drawn), None) == NONCE
    drawn = iter([NONCE])
    assert vault.mask(CARD, masks(("card", 0, 4))).startswith(f"<CARD_{NONCE}_1>")
    assert vault.nonce == NONCE


def test_a_value_is_the_callers_once_the_caller_wrote_it_in_whatever_form() -> None:
    vault, asked = Vault(NONCE), []

    def note(kind: str, origin: str) -> bool:
        asked.append((kind, origin))
        return True

    spelt = CARD.replace(" ", "")
    first = vault.mask(CARD, scan(CARD))
    both = vault.mask(f"{MAIL} {spelt}", scan(f"{MAIL} {spelt}"))
    vault.unmask(f"{first} {both}", note)
    assert set(asked) == {("card", "context"), ("email", "context")}
    asked.clear()
    vault.mask(f"it is {spelt}", scan(f"it is {spelt}"), own=True)
    assert vault.unmask(f"{first} {both}", note) == f"{CARD} {MAIL} {spelt}"
    assert set(asked) == {("card", "caller"), ("email", "context")}


def keyed(key: bytes) -> Vaults:
    def digest(text: str) -> str:
        return hmac.digest(key, text.encode(), "sha256")[:16].hex()

    return Vaults(lambda: 0.0, bytes, digest=digest)


PEOPLE = st.lists(
    st.sampled_from(
        [
            CARD,
            CARD.replace(" ", ""),
            MAIL,
            *(f"{name}@example.org" for name in "abcdefgh"),
            "\ud800@x.example",
        ]
    ),
    unique=True,
    min_size=1,
    max_size=8,
)


@settings(max_examples=100)
@given(values=PEOPLE, order=st.randoms())
def test_a_value_has_the_same_token_in_every_turn_worker_and_life(values: list[str], order) -> None:
    """A restart, or another worker, is another set of vaults with the same key."""
    one, other = (keyed(b"k").get("sam", "c") for _ in range(2))
    said = {value: mask(one, value) for value in values}
    again = [*values]
    order.shuffle(again)
    spelt_once = [v for v in again if v.replace(" ", "") != CARD.replace(" ", "")]
    assert {v: mask(other, v) for v in spelt_once} == {v: said[v] for v in spelt_once}
    assert {v: mask(one, v) for v in again} == said
    assert len(set(said.values())) == len(said)
    for value, token in said.items():
        assert one.unmask(token, everything) == value


@settings(max_examples=50)
@given(values=PEOPLE)
def test_a_conversation_of_another_name_person_or_deployment_gives_nothing(values: list[str]) -> None:
    vault = keyed(b"k").get("sam", "c")
    said = " ".join(mask(vault, value) for value in values)
    same = keyed(b"k")
    strangers = [
        same.get("eve", "c"),
        same.get("sam", "d"),
        same.get("sa", "mc"),
        same.get("sam"),
        keyed(b"l").get("sam", "c"),
    ]
    for stranger in strangers:
        for value in values:
            mask(stranger, value)
        assert stranger.nonce != vault.nonce
        assert stranger.unmask(said, everything) == said
    assert same.get("sam", "c").unmask(said, everything) == said, "a value that was not sent again is nowhere"


def test_numbers_of_values_that_fall_together_are_apart() -> None:
    vault = Vault(NONCE, digest=lambda _: "ff" * 16)
    masked = [mask(vault, value) for value in (MAIL, CARD, "b@example.org")]
    assert len(set(masked)) == 3
    assert [vault.unmask(token, everything) for token in masked] == [MAIL, CARD, "b@example.org"]
    last = int("ff" * 16, 16) % 1_000_000
    assert masked[0] == f"<EMAIL_{NONCE}_{last}>"
