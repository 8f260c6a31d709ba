from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspection_streams import CANARY, CARD, MAIL, NONCE, scan, unmask

from sallyport.inspection.json_arguments import (
    escaped,
    inspect_arguments,
    is_json,
    leaves,
    mask_arguments,
    unmask_arguments,
)
from sallyport.inspection.vault import Vault
from sallyport.model import Finding

TOKEN = f"<CARD_{NONCE}_1>"


def note() -> Vault:
    """A card as token 1, and as token 2 a text that needs escapes in JSON."""
    vault = Vault(NONCE)
    vault.mask(CARD, [Finding(type="card", start=0, end=19, action="mask")])
    vault.mask('a"b\nc', [Finding(type="note", start=0, end=5, action="mask")])
    return vault


def everything(_kind: str, _origin: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("arguments", "masked"),
    [
        (f'{{ "to" : "{MAIL}","n":1 }}', f'{{ "to" : "<EMAIL_{NONCE}_1>","n":1 }}'),
        ('{"card": "\\u0034111 1111 1111 1111", "x": "\\u00e9"}', f'{{"card": "{TOKEN}", "x": "\\u00e9"}}'),
        ('{"card": 4111111111111111}', f'{{"card": "{TOKEN}"}}'),
        (f'{{"{MAIL}": 1}}', f'{{"<EMAIL_{NONCE}_1>": 1}}'),
        (f'["a", ["{CARD}"]]', f'["a", ["{TOKEN}"]]'),
        ('{"a": "{\\"b\\": \\"\\\\u0034111 1111 1111 1111\\"}"}', f'{{"a": "{{\\"b\\": \\"{TOKEN}\\"}}"}}'),
        (f'{{"a": "{CARD}", "a": 1}}', f'{{"a": "{TOKEN}", "a": 1}}'),
        (f'{{"a": "{CARD}', f'{{"a": "{TOKEN}'),
        (f'["\\ud800 {CARD}"]', f'["\\ud800 {TOKEN}"]'),
        ('{"a": "plain"}', '{"a": "plain"}'),
        ("", ""),
    ],
)
def test_masking_changes_only_the_literals_that_hold_a_finding(arguments: str, masked: str) -> None:
    assert mask_arguments(Vault(NONCE), arguments, scan) == masked


def test_a_finding_across_leaves_masks_the_leaf_that_holds_the_value() -> None:
    def across(text: str) -> list[Finding]:
        at = text.find('"password": "')
        return [Finding(type="secret", start=at + 13, end=at + 20, action="mask")] if at >= 0 else []

    assert (
        mask_arguments(Vault(NONCE), '{"password": "swordfish"}', across)
        == f'{{"password": "<SECRET_{NONCE}_1>"}}'
    )
    assert inspect_arguments('{"password": "swordfish"}', across, unmask).text == '{"password": "[SECRET]"}'


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.text(max_size=8),
        st.sampled_from([CARD, MAIL, f"x {MAIL}", TOKEN]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
        inner.map(json.dumps),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(value=JSON, ascii_only=st.booleans())
def test_unmasking_masked_arguments_gives_the_same_value(value: object, ascii_only: bool) -> None:
    arguments, vault = json.dumps(value, ensure_ascii=ascii_only), Vault(NONCE)
    masked = mask_arguments(vault, arguments, scan)
    assert is_json(masked)
    assert CARD not in masked
    assert unnested(unmask_arguments(vault, masked, everything)) == unnested(arguments)


def unnested(text: str, depth: int = 4) -> object:
    """The value with JSON in its strings decoded, as far as masking goes in: its spelling is free."""

    def deeper(value: object) -> object:
        if isinstance(value, dict):
            return {k: deeper(v) for k, v in value.items()}
        if isinstance(value, list):
            return [deeper(v) for v in value]
        if (
            isinstance(value, str)
            and depth > 1
            and value.lstrip().startswith(("{", "[", '"'))
            and is_json(value)
        ):
            return ("json", unnested(value, depth - 1))
        return value

    return deeper(json.loads(text))


@pytest.mark.parametrize(
    ("arguments", "restored"),
    [
        (f'{{"card": "{TOKEN}"}}', f'{{"card": "{CARD}"}}'),
        ('{"card": "\\u003cCARD_' + NONCE + '_1\\u003e"}', f'{{"card": "{CARD}"}}'),
        (f'{{"note": "{TOKEN}, <NOTE_{NONCE}_2>"}}', f'{{"note": "{CARD}, a\\"b\\nc"}}'),
        (
            f'{{"a": "{{\\"note\\": \\"<NOTE_{NONCE}_2>\\"}}"}}',
            '{"a": "{\\"note\\": \\"a\\\\\\"b\\\\nc\\"}"}',
        ),
        (f'{{"note": "<NOTE_{NONCE}_2>", ', '{"note": "a\\"b\\nc", '),
        (f'{{"{TOKEN}": 1}}', f'{{"{CARD}": 1}}'),
    ],
)
def test_values_are_spelled_for_where_they_stand(arguments: str, restored: str) -> None:
    assert unmask_arguments(note(), arguments, everything) == restored


def test_a_tool_that_may_not_see_gets_the_token() -> None:
    assert unmask_arguments(note(), f'["{TOKEN}"]', lambda _kind, _origin: False) == f'["{TOKEN}"]'


def test_leaves_are_decoded_to_a_depth_of_three() -> None:
    text = "deep"
    for _ in range(6):
        text = json.dumps([text])
    assert leaves('{"a": "\\u0041", "b": [1.5, "[\\"c\\"]"]}') == ["a", "A", "b", "1.5", "c"]
    (leaf,) = leaves(text)
    assert json.loads(leaf) == ['["deep"]']
    assert leaves("no json") == ["no json"]


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', "{", "NaN", "[Infinity]", "[" * 100_000, "", "{'a': 1}", '"\x01"']
)
def test_what_is_not_strict_json(text: str) -> None:
    assert not is_json(text)


@pytest.mark.parametrize(
    ("arguments", "delivered", "types"),
    [
        (f'{{"card": "{TOKEN}"}}', f'{{"card": "{CARD}"}}', []),
        (f'{{"card": "{CARD}"}}', '{"card": "[CARD]"}', ["card"]),
        ('{"card": "\\u0034111 1111 1111 1111"}', '{"card": "[CARD]"}', ["card"]),
        ('{"card": 4111111111111111}', '{"card": "[CARD]"}', ["card"]),
        (f'{{"file": "{"QUJD" * 3000}"}}', f'{{"file": "{"QUJD" * 3000}"}}', []),
        (f'{{"a": "{{\\"b\\": \\"{CARD}\\"}}"}}', '{"a": "{\\"b\\": \\"[CARD]\\"}"}', ["card"]),
        (f"{{'card': {CARD}}}", "{'card': [CARD]}", ["card"]),
    ],
)
def test_what_a_model_wrote_is_inspected_leaf_by_leaf(
    arguments: str, delivered: str, types: list[str]
) -> None:
    out = inspect_arguments(arguments, scan, unmask)
    assert out.text == delivered
    assert [f.type for f in out.findings] == types


def test_arguments_that_are_not_json_get_values_with_json_escapes() -> None:
    its = note()
    out = inspect_arguments(
        f'{{"note": "<NOTE_{NONCE}_2>", ',
        scan,
        lambda text: its.unmask(text, everything),
        lambda text: its.unmask(text, everything, escaped),
    )
    assert out.text == '{"note": "a\\"b\\nc", '


def test_a_block_that_is_seen_only_across_leaves_blocks_the_whole() -> None:
    def across(text: str) -> list[Finding]:
        return [Finding(type="secret", start=0, end=5, action="block")] if '"password": "' in text else []

    assert inspect_arguments('{"password": "swordfish"}', across, unmask).blocked is not None


@pytest.mark.parametrize(
    "arguments",
    [
        f'{{"a": "{CANARY}"}}',
        f'{{"a": "\\u0037{CANARY[1:]}"}}',
        f'{{"a": "{{\\"b\\": \\"\\\\u0037{CANARY[1:]}\\"}}"}}',
        '{"a": "password = swordfish1"}',
        f"not json {CANARY}",
    ],
)
def test_a_block_anywhere_blocks_the_whole(arguments: str) -> None:
    out = inspect_arguments(arguments, scan, unmask)
    assert out.blocked is not None
    assert out.text == ""


def test_without_a_scan_of_the_leaves_the_findings_of_the_whole_are_masked_exactly() -> None:
    text = f'{{"to": "write {MAIL} today", "n": 4111111111111111, "x": "\\t {CARD}", "{MAIL}": ["{CARD}"]}}'
    vault = Vault(NONCE)
    masked = mask_arguments(vault, text, None, known=scan(text))
    assert is_json(masked)
    assert not any(value in masked for value in (MAIL, CARD, "4111111111111111"))
    assert '"to": "write <EMAIL' in masked
    assert json.loads(unmask_arguments(vault, masked, everything)) == json.loads(text) | {
        "n": "4111111111111111"
    }


def test_without_a_scan_of_the_leaves_a_models_values_are_blotted_out_exactly() -> None:
    text = f'{{"to": "write {MAIL} today", "x": "\\t {CARD}", "t": "{TOKEN}"}}'
    out = inspect_arguments(text, None, unmask, known=scan(text))
    assert out.blocked is None
    assert json.loads(out.text) == {"to": "write [EMAIL] today", "x": "[CARD]", "t": CARD}


def test_arguments_that_are_no_json_are_blotted_out_from_what_is_known() -> None:
    text = f'{{"to": "{MAIL} {TOKEN}'
    out = inspect_arguments(
        text, None, unmask, lambda t: note().unmask(t, everything, escaped), known=scan(text)
    )
    assert out.text == f'{{"to": "[EMAIL] {CARD}'


def test_many_findings_in_many_leaves_are_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    count, looked = 2000, 0

    class Counted(list):  # type: ignore[type-arg]
        def __iter__(self) -> object:
            nonlocal looked
            looked += 1
            return super().__iter__()

    text = json.dumps([MAIL] * count)
    found = Counted(scan(text))
    mask_arguments(Vault(NONCE), text, None, known=found)
    assert looked <= 2
