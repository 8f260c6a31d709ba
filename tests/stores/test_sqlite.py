"""The state store in one SQLite file."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract_state import *  # noqa: F403
from hypothesis import given
from hypothesis import strategies as st
from memory_store import MemoryStore

from sallyport.errors import Conflict, Fault, SettingsError
from sallyport.stores import Change, Row, schema, sqlite
from sallyport.stores.sqlite import SqliteStateStore, successor


def put(key: str, value: bytes = b"v", expected: int | None = None) -> Change:
    return Change(kind="k", key=key, value=value, expected=expected)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStateStore]:
    store = await SqliteStateStore.open(path, seconds=2.0)
    yield store
    await store.close()


def on_disk(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(path.parent.iterdir()) if not p.name.endswith("-shm"))


async def test_it_behaves_as_the_store_in_memory(store: SqliteStateStore) -> None:
    """Three hundred transactions, drawn from few keys so that many of them meet."""
    dice, memory = random.Random(11), MemoryStore()
    for _ in range(300):
        changes = [
            Change(
                kind=dice.choice("kl"),
                key=dice.choice(["a", "ab", "b"]),
                value=dice.choice([None, dice.randbytes(3), dice.randbytes(5000)]),
                expected=dice.choice([None, None, 0, 1, 2]),
            )
            for _ in range(dice.randrange(4))
        ]
        told = [await asyncio.gather(s.commit(changes), return_exceptions=True) for s in (store, memory)]
        assert [type(outcome) for (outcome,) in told] in ([Conflict] * 2, [type(None)] * 2)
        for kind, prefix in (("k", ""), ("k", "a"), ("l", "ab")):
            assert await store.scan(kind, prefix) == await memory.scan(kind, prefix)
    assert 50 < len(memory.commits) < 250


# Files.


async def test_files_are_closed_to_others_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        store = await SqliteStateStore.open(path)
        await store.commit([put("a")])
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (path.parent, *path.parent.iterdir())}
    await store.close()
    assert modes == {"state": 0o700, "state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


async def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        await SqliteStateStore.open(path)


async def test_a_folder_that_others_may_enter_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o755)
    with pytest.raises(SettingsError, match="chmod 700"):
        await SqliteStateStore.open(path)
    assert list(path.parent.iterdir()) == []


async def test_a_link_in_place_of_the_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Fault):
        await SqliteStateStore.open(path)
    assert not (tmp_path / "elsewhere").exists()


async def test_the_settings_that_the_promises_rest_on(store: SqliteStateStore) -> None:
    for worker in (store._reader, store._writer):
        values = [
            await worker.run(lambda db, n=name: db.execute(f"PRAGMA {n}").fetchone()[0])
            for name in (
                "journal_mode",
                "synchronous",
                "secure_delete",
                "foreign_keys",
                "temp_store",
                "busy_timeout",
            )
        ]
        assert values == ["wal", 2, 1, 1, 2, 1000]


# Schema.


def test_the_newest_migration_is_the_one_that_is_expected() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_a_current_database_opens_without_loading_alembic(store: SqliteStateStore, path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from sallyport.stores.sqlite import SqliteStateStore\n"
        "async def main():\n"
        "    store = await SqliteStateStore.open(Path(sys.argv[1])); await store.close()\n"
        "asyncio.run(main()); print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


async def test_an_upgrade_apart_leaves_nothing_of_alembic_in_the_caller(path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from sallyport.stores.sqlite import SqliteStateStore\n"
        "async def main():\n"
        "    store = await SqliteStateStore.open(Path(sys.argv[1]), apart=True); await store.close()\n"
        "asyncio.run(main()); print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert (await done.communicate())[0].strip() == b"[]"
    store = await SqliteStateStore.open(path)
    await store.commit([put("a")])
    await store.close()


async def test_an_upgrade_apart_that_fails_is_made_here(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    store = await SqliteStateStore.open(path, apart=True)
    await store.commit([put("a")])
    await store.close()


async def test_a_newer_version_is_refused_also_by_an_upgrade_apart(
    store: SqliteStateStore, path: Path
) -> None:
    await store._writer.run(lambda db: db.execute("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Fault, match="newer"):
        await SqliteStateStore.open(path, apart=True)


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    store: SqliteStateStore, path: Path
) -> None:
    await store.commit([put("a")])
    await store._writer.run(lambda db: db.execute("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Fault, match="newer"):
        await SqliteStateStore.open(path)
    assert await store.read("k", "a") == Row("k", "a", 1, b"v")


async def test_a_first_start_that_fails_is_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_table", fail)
        with pytest.raises(Fault):
            await SqliteStateStore.open(path)
    store = await SqliteStateStore.open(path)
    await store.commit([put("a")])
    await store.close()


TOGETHER = """
import asyncio, sys, time
from pathlib import Path
import alembic.command, sqlalchemy
from sallyport.stores import schema
from sallyport.stores.sqlite import SqliteStateStore

path, upgrade = Path(sys.argv[1]), schema._upgrade

def meet(db):
    print("ready", flush=True)
    while not (path.parent / "go").exists():
        time.sleep(0.001)
    upgrade(db)

async def main():
    schema._upgrade = meet
    await (await SqliteStateStore.open(path)).close()

asyncio.run(main())
"""


async def test_processes_that_find_no_schema_at_the_same_time_make_it_once(path: Path) -> None:
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", TOGETHER, str(path), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    (path.parent / "go").touch()
    assert [await process.wait() for process in started] == [0, 0, 0]


# Two processes.

COUNT = """
import asyncio, sys
from pathlib import Path
from sallyport.errors import Conflict
from sallyport.stores import Change
from sallyport.stores.sqlite import SqliteStateStore

async def main():
    store = await SqliteStateStore.open(Path(sys.argv[1]))
    for _ in range(50):
        while True:
            row = await store.read("k", "n")
            now, version = (int(row.value), row.version) if row else (0, 0)
            try:
                await store.commit([Change(kind="k", key="n", value=b"%d" % (now + 1), expected=version)])
                break
            except Conflict:
                pass
    await store.close()

asyncio.run(main())
"""


async def test_processes_that_start_together_on_a_new_file_count_right(path: Path) -> None:
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", COUNT, str(path)) for _ in range(3)]
    assert [await process.wait() for process in started] == [0, 0, 0]
    store = await SqliteStateStore.open(path)
    assert await store.read("k", "n") == Row("k", "n", 150, b"150")
    await store.close()


async def test_another_processs_lock_is_a_fault_and_reads_go_on(path: Path) -> None:
    store = await SqliteStateStore.open(path, seconds=0.2)
    await store.commit([put("a")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Fault) as caught:
        await store.commit([put("a", b"secret value")])
    assert (caught.value.code, "secret value" in str(caught.value)) == ("stage_failed", False)
    assert await store.read("k", "a") == Row("k", "a", 1, b"v")
    other.execute("ROLLBACK")
    other.close()
    await store.commit([put("a")])
    assert await store.read("k", "a") == Row("k", "a", 2, b"v")
    await store.close()


async def test_nobody_writes_between_the_look_and_the_write(
    store: SqliteStateStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a lost compare-and-set is always a conflict, and never the engine's own error."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    apply, tried = sqlite._apply, []

    def watched(db: sqlite3.Connection, change: Change) -> None:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        tried.append(change)
        apply(db, change)

    monkeypatch.setattr(sqlite, "_apply", watched)
    await store.commit([put("a", b"v", 0)])
    other.close()
    assert len(tried) == 1


# Faults.


async def test_a_commit_that_hangs_is_a_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, go = await SqliteStateStore.open(path, seconds=0.1), threading.Event()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_apply", lambda *_: go.wait(5))
        with pytest.raises(Fault, match="late"):
            await store.commit([put("a")])
        assert await store.read("k", "a") is None
        go.set()
    await asyncio.sleep(0.05)
    await store.commit([put("b")])
    await store.close()


async def test_a_query_that_runs_on_is_interrupted(path: Path) -> None:
    store = await SqliteStateStore.open(path, seconds=0.1)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) SELECT max(i) FROM n"
    )
    with pytest.raises(Fault, match="late"):
        await store._reader.run(lambda db: db.execute(endless).fetchone())
    await asyncio.sleep(0.05)
    assert await store.read("k", "a") is None
    await store.close()


async def test_a_caller_who_is_cancelled_leaves_no_transaction_open(store: SqliteStateStore) -> None:
    tasks = [asyncio.create_task(store.commit([put(f"a{n}"), put(f"b{n}")])) for n in range(50)]
    await asyncio.sleep(0.002)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.commit([put("last")])
    keys = [row.key for row in await store.scan("k")]
    assert sorted(key[1:] for key in keys if key[0] == "a") == sorted(
        key[1:] for key in keys if key[0] == "b"
    )


async def test_an_error_in_a_commit_undoes_it(store: SqliteStateStore) -> None:
    with pytest.raises(Fault):
        await store.commit([put("a"), put("\ud800")])
    assert await store.scan("k") == []
    await store.commit([put("b")])


async def test_a_file_that_is_no_database_is_a_fault(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"something else" * 1000)
    path.chmod(0o600)
    with pytest.raises(Fault, match="NOTADB"):
        await SqliteStateStore.open(path)


async def test_a_closed_store_is_a_fault(path: Path) -> None:
    store = await SqliteStateStore.open(path)
    await store.close()
    await store.close()
    with pytest.raises(Fault):
        await store.read("k", "a")


async def test_a_damaged_page_is_a_fault(path: Path) -> None:
    store = await SqliteStateStore.open(path)
    await store.commit([put(f"{n}", b"v" * 500) for n in range(100)])
    await store.close()
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(os.urandom(20 * 4096))
    store = await SqliteStateStore.open(path)
    with pytest.raises(Fault, match="CORRUPT"):
        await store.scan("k")
    await store.close()


# Erasure.


@pytest.mark.parametrize("seed", range(3))
async def test_no_byte_of_a_deleted_value_is_left(store: SqliteStateStore, path: Path, seed: int) -> None:
    """Rows of mixed sizes that grow, so that pages were split and cells moved before the delete."""
    dice = random.Random(seed)
    rows: dict[str, bytes] = {}
    batch = []
    for _ in range(1500):
        key = dice.choice(list(rows)) if rows and dice.random() < 0.4 else dice.randbytes(8).hex()
        rows[key] = dice.randbytes(dice.choice([61, 61, 300, 1500]))
        batch.append(put(key, rows[key]))
    await store.commit(batch)
    gone = dice.sample(sorted(rows), 200)
    await store.commit([Change(kind="k", key=key, value=None) for key in gone])
    await store.erase_traces()
    left = on_disk(path)
    assert [key for key in gone if rows[key][:32] in left or rows[key][-32:] in left] == []
    assert all(rows[key][:32] in left for key in rows if key not in gone)


async def test_erasing_waits_for_no_reader_for_ever(path: Path) -> None:
    store = await SqliteStateStore.open(path, seconds=0.3)
    await store.commit([put("a")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM state").fetchall()
    with pytest.raises(Fault):
        await store.erase_traces()
    other.close()
    await store.erase_traces()
    await store.close()


@given(st.text(max_size=4), st.text(max_size=6))
def test_the_successor_bounds_exactly_what_starts_with_the_prefix(prefix: str, key: str) -> None:
    below = successor(prefix)
    within = key >= prefix and (below is None or key < below)
    assert within == key.startswith(prefix)
    assert below is None or below.encode()
