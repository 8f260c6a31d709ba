"""What was verified counts for a while, and under its epoch only."""

from __future__ import annotations

from sallyport.identity.cache import TokenCache
from sallyport.model import Principal

ANN, BOB, CID = (Principal(id=name) for name in ("ann", "bob", "cid"))


def test_until_and_not_longer() -> None:
    cache = TokenCache()
    cache.put(b"a", ANN, until=100, epoch=1)
    assert cache.get(b"a", 99, 1) is ANN
    assert cache.get(b"a", 100, 1) is None
    assert cache.get(b"b", 0, 1) is None


def test_another_epoch_in_either_direction_is_another_world() -> None:
    for epoch in (0, 2):
        cache = TokenCache()
        cache.put(b"a", ANN, until=100, epoch=1)
        assert cache.get(b"a", 0, epoch) is None
        assert cache.get(b"a", 0, 1) is None


def test_the_least_recently_used_goes_first() -> None:
    cache = TokenCache(entries=2)
    cache.put(b"a", ANN, 100, 1)
    cache.put(b"b", BOB, 100, 1)
    assert cache.get(b"a", 0, 1) is ANN
    cache.put(b"c", CID, 100, 1)
    assert cache.get(b"b", 0, 1) is None
    assert cache.get(b"a", 0, 1) is ANN
    assert len(cache) == 2
