"""A shelf: filled once, then the same for every later life."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sallyport.stores.shelf import Shelf

READ = "import sys; from sallyport.stores.shelf import Shelf; sys.stdout.buffer.write(Shelf(int(sys.argv[1])).get())"


@pytest.fixture
def shelf():
    shelf = Shelf.make("test")
    yield shelf
    shelf.close()


def test_what_is_put_there_is_found_there_by_another_process(shelf: Shelf) -> None:
    assert shelf.get() == b""
    shelf.fill(b"compiled" * 100_000)
    number = shelf.fileno()
    got = subprocess.run(
        [sys.executable, "-c", READ, str(number)], pass_fds=[number], capture_output=True, check=True
    )
    assert got.stdout == b"compiled" * 100_000


def test_nobody_changes_it_afterwards(shelf: Shelf) -> None:
    shelf.fill(b"first")
    shelf.fill(b"second")
    assert shelf.get() == b"first"
    for change in (
        lambda: os.pwrite(shelf.fileno(), b"x", 0),
        lambda: os.pwrite(shelf.fileno(), b"x", 5),
        lambda: os.truncate(shelf.fileno(), 0),
    ):
        with pytest.raises(PermissionError):
            change()
    assert shelf.get() == b"first"


def test_what_was_not_put_there_to_the_end_does_not_count(shelf: Shelf) -> None:
    os.pwrite(shelf.fileno(), b"a life that was killed meanwhile", 0)
    assert shelf.get() == b""
    shelf.fill(b"whole")
    assert shelf.get() == b"whole"
