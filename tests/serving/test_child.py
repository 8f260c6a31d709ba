"""One child, in a process of its own."""

from __future__ import annotations

import sys

import pytest

from sallyport.serving.child import Child, ChildSpec, StartFailed


async def test_what_a_child_says_moves_no_terminal() -> None:
    heard: list[str] = []
    program = r"import sys; sys.stdout.buffer.write(b'a\x1b[2Jb\xc2\x9bc\xe2\x80\xaed\xff\r\n')"
    spec = ChildSpec(name="loud", command=(sys.executable, "-c", program), ready=lambda: False)
    with pytest.raises(StartFailed):
        await Child(spec, lambda _name, line: heard.append(line)).start()
    assert heard == ["a\ufffd[2Jb\ufffdc\ufffdd\ufffd"]
