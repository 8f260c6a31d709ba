from __future__ import annotations

import pytest

from sallyport.audit.merkle import leaf_hash
from sallyport.audit.promise import MAX_BATCH, Batch, parse_promise, verify_promise


@pytest.mark.parametrize("count", [1, 2, 3, 7, 32, 255, MAX_BATCH])
def test_every_promise_of_a_batch_verifies_and_is_short(signer, count: int) -> None:
    leaves = [leaf_hash(b"%d" % i) for i in range(count)]
    batch = Batch("0-abcdef012345", 4_000_000_000, leaves, signer)
    for position in {0, 1, count // 2, count - 1} & set(range(count)):
        value = batch.value(position)
        assert len(value) < 1000
        assert value.isascii()
        promise = verify_promise(value, signer.public_key_bytes)
        assert (promise.shard, promise.index) == ("0-abcdef012345", 4_000_000_000 + position)
        assert promise.leaf_hash == leaves[position]


def test_another_key_does_not_verify(signer, stranger) -> None:
    value = Batch("s", 0, [leaf_hash(b"a"), leaf_hash(b"b")], signer).value(1)
    with pytest.raises(ValueError, match="not signed"):
        verify_promise(value, stranger.public_key_bytes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("shard=s", "shard=t"),
        ("i=11", "i=10"),
        ("i=11", "i=12"),
        ("i=11", "i=99"),
        ("p=10.3", "p=9.3"),
        ("p=10.3", "p=10.2"),
        ("p=10.3", "p=10.4"),
        ("p=10.3.", "p=10.3.AAAA"),
        ("v1", "v2"),
        (";h=", ";x="),
        (";s=", ";s=A"),
    ],
)
def test_an_altered_promise_does_not_verify(signer, old: str, new: str) -> None:
    value = Batch("s", 10, [leaf_hash(b"%d" % i) for i in range(3)], signer).value(1)
    verify_promise(value, signer.public_key_bytes)
    assert old in value
    with pytest.raises(ValueError, match=r"."):
        verify_promise(value.replace(old, new), signer.public_key_bytes)


def test_no_flipped_character_verifies_as_something_else(signer) -> None:
    value = Batch("s", 10, [leaf_hash(b"%d" % i) for i in range(3)], signer).value(1)
    good = parse_promise(value)
    for at in range(len(value)):
        altered = value[:at] + ("B" if value[at] != "B" else "C") + value[at + 1 :]
        try:
            promise = verify_promise(altered, signer.public_key_bytes)
        except ValueError:
            continue
        assert promise == good  # the unused last bits of base64 only


@pytest.mark.parametrize("value", ["", "v1", "v1;shard=s", "x" * 2000, "v1;shard=ü;i=0;h=;p=0.1.;s="])
def test_what_is_not_a_promise_is_refused(signer, value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        verify_promise(value, signer.public_key_bytes)
