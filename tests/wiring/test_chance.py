from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from sallyport.wiring.chance import STOCK, Chance


def counting():
    given = []

    def draw(count: int) -> bytes:
        given.append(count)
        start = sum(given[:-1])
        return b"".join((start + i).to_bytes(4, "big") for i in range(0, count, 4))[:count]

    return draw, given


def test_every_byte_is_given_once_and_in_full_length():
    draw, given = counting()
    chance = Chance(draw)
    sizes = [4, 32, 12, 16, 32, 4000, 32, 4096, 5000, 8] * 3
    out = [chance(size) for size in sizes]
    assert [len(piece) for piece in out] == sizes
    seen = [out[i][j : j + 4] for i in range(len(out)) for j in range(0, len(out[i]) - 3, 4)]
    assert len(set(seen)) == len(seen)
    assert set(given) == {STOCK, 5000}


def test_threads_never_share_bytes():
    chance = Chance()
    with ThreadPoolExecutor(8) as pool:
        out = list(pool.map(lambda _: chance(16), range(20_000)))
    assert len(set(out)) == len(out)


def test_who_draws_is_served_before_the_others():
    class Busy(Chance):
        """Others read all that is offered, the moment it is."""

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "_read":
                self._read(STOCK)

    chance = Busy()
    assert [len(chance(32)) for _ in range(3)] == [32, 32, 32]


def test_a_forked_process_draws_its_own():
    chance = Chance()
    chance(16)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, chance(16))
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 16) != chance(16)
    os.close(reader)
    os.close(writer)
