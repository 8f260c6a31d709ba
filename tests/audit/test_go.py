"""Go's own transparency log libraries verify our folders: nobody needs our code to check us."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from sallyport.audit.merkle import leaf_hash, root_of
from sallyport.audit.note import Verifier
from sallyport.audit.reader import LogReader

GO = shutil.which("go")
PACKAGE = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
pytestmark = pytest.mark.skipif(
    GO is None or not PACKAGE.is_dir(),
    reason="needs the Debian packages golang-go and golang-golang-x-mod-dev",
)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program. GOPATH mode uses Debian's sources, without any network."""
    assert GO is not None
    home = tmp_path_factory.mktemp("go")
    program = home / "verify"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GOPATH": "/usr/share/gocode",
        "GO111MODULE": "off",
        "GOCACHE": str(home / "cache"),
    }
    source = Path(__file__).with_name("go") / "verify.go"
    subprocess.run([GO, "build", "-o", program, source], check=True, env=environment, timeout=300)
    return program


def run(program: Path, place: Path, vkey: str, old: tuple[int, bytes], indexes: list[int]) -> str:
    command = [program, place, vkey, str(old[0]), b64encode(old[1]).decode(), *map(str, indexes)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


@pytest.mark.slow
async def test_go_verifies_signature_inclusion_and_consistency(
    opened, fill, tmp_path: Path, signer, verifier: Path
) -> None:
    writer = opened(segment_bytes=60_000)
    await fill(writer, 400)
    writer.close()
    place = tmp_path / "audit" / "shards" / writer.shard
    reader = LogReader(place)
    leaves = [leaf_hash(entry) for _, entry in reader.entries()]
    assert len(leaves) == 801
    vkey = Verifier(f"sallyport.test/log/{writer.shard}", signer.public_key_bytes).vkey
    old = (300, root_of(leaves[:300]))
    indexes = [0, 1, 255, 256, 300, 511, 512, 799, 800]
    assert run(verifier, place, vkey, old, indexes) == "verified 801"

    assert "FAILED consistency" in run(verifier, place, vkey, (300, leaves[0]), [])
    note = (place / "checkpoint").read_text()
    (place / "checkpoint").write_text(note.replace("\n801\n", "\n800\n"))
    assert "FAILED signature" in run(verifier, place, vkey, old, [0])
    (place / "checkpoint").write_text(note)
    bundle = place / "tile" / "entries" / "001"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b"support", b"Support", 1))
    assert "FAILED inclusion" in run(verifier, place, vkey, old, [257])
    bundle.write_bytes(whole)
    tile = place / "tile" / "0" / "001"
    tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    assert "FAILED" in run(verifier, place, vkey, old, [256])
