"""What was lost must be missed at the next start, not made anew."""

from __future__ import annotations

import shutil
import stat

import pytest

from sallyport.errors import SettingsError
from sallyport.settings import loads
from sallyport.stores import Change
from sallyport.stores.sqlite import SqliteStateStore
from sallyport.wiring import history
from sallyport.wiring.build import Deployment
from sallyport.wiring.offline import open_keyring

CONFIGURATION = """
[server]
state = "{state}"
[[segments]]
name = "support"
[[upstreams]]
name = "u"
base_url = "http://127.0.0.1:9/v1"
[[models]]
name = "m"
segment = "support"
upstream = "u"
[audit]
reserve_bytes = 0
{more}
"""


def settings_of(state, more=""):
    return loads(CONFIGURATION.format(state=state, more=more))


async def run_once(state, more="", worker=0):
    deployment = Deployment(settings_of(state, more), edge_secret="e" * 40, worker=worker)
    await deployment.start()
    await deployment.stop()


def lose_database(state):
    for file in state.glob("state.db*"):
        file.unlink()


def lose_log(state):
    shutil.rmtree(state / "audit")


def rename_log(state):
    (state / "origin").write_text("sallyport.local/another")


def lose_name(state):
    (state / "origin").unlink()


def empty_name(state):
    (state / "origin").write_bytes(b"")


LOSSES = {
    "keys": (lose_database, "holds no keys"),
    "log": (lose_log, "the log is missing"),
    "another name": (rename_log, "the log's name is"),
    "name": (lose_name, "the log's name is"),
    "empty name": (empty_name, "does not hold the log's name"),
}


@pytest.fixture
async def state(tmp_path):
    await run_once(tmp_path / "state")
    return tmp_path / "state"


@pytest.mark.parametrize("loss", LOSSES)
async def test_what_was_lost_is_missed(state, loss):
    lose, problem = LOSSES[loss]
    lose(state)
    with pytest.raises(SettingsError, match=problem) as refused:
        await run_once(state)
    assert refused.value.fix


async def test_a_refused_start_makes_no_new_keys(state):
    lose_database(state)
    for _ in range(2):  # the second would find the keys that the first had made
        with pytest.raises(SettingsError, match="holds no keys"):
            await run_once(state)


async def test_the_offline_tools_make_no_new_keys_either(state):
    lose_database(state)
    with pytest.raises(SettingsError, match="holds no keys"):
        async with open_keyring(settings_of(state)):
            pass


async def test_nothing_lost_resumes(state):
    await run_once(state)


async def test_a_second_worker_joins(state):
    await run_once(state, worker=1)


async def test_a_log_from_before_the_store_knew_its_name(state):
    store = await SqliteStateStore.open(state / "state.db")
    await store.commit([Change(kind=history.KIND, key=history.KEY, value=None)])
    await run_once(state)
    assert await store.read(history.KIND, history.KEY) is not None
    await store.close()


async def test_another_name_in_the_settings_is_told(tmp_path):
    await run_once(tmp_path / "state", 'origin = "log.example/door"')
    with pytest.raises(SettingsError, match=r"log\.example/door"):
        await run_once(tmp_path / "state")


async def test_the_state_is_our_own_alone(state):
    open_to_others = [
        str(path.relative_to(state))
        for path in state.rglob("*")
        if stat.S_IMODE(path.lstat().st_mode) & 0o077 and "audit" not in path.parts
    ]
    assert open_to_others == []


def test_of_two_processes_one_makes_the_name(tmp_path):
    path = tmp_path / "origin"
    assert history.own_origin(path, "first") == "sallyport.local/first"
    assert history.own_origin(path, "second") == "sallyport.local/first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["origin"]


async def test_people_stay_resolvable_without_payloads(tmp_path):
    deployment = Deployment(
        settings_of(tmp_path / "state", "seal_payloads = false"), edge_secret="e" * 40, worker=0
    )
    await deployment.start()
    try:
        sealer = deployment.rooms.sealer
        assert await sealer.seal(owner="local|ann", request="r", part="request", text=b"x", values=()) is None
        assert await deployment.keyring.resolve(sealer.pseudonym("local|ann")) == "local|ann"
    finally:
        await deployment.stop()


async def test_people_stay_resolvable_with_payloads(state):
    deployment = Deployment(settings_of(state), edge_secret="e" * 40, worker=0)
    await deployment.start()
    try:
        sealer = deployment.rooms.sealer
        assert await sealer.seal(owner="local|ann", request="r", part="request", text=b"x", values=())
        assert await deployment.keyring.resolve(sealer.pseudonym("local|ann")) == "local|ann"
    finally:
        await deployment.stop()
