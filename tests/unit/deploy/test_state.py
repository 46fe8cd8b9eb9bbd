import json
import os
import socket
import stat
from pathlib import Path

import pytest

from deploy.local.errors import AlreadyRunningError
from deploy.local.state import USUAL_PORTS, State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


def test_secrets_are_made_once_and_readable_by_their_owner_alone(state: State) -> None:
    first = state.secrets()

    assert state.secrets() == first
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE((state.folder / "secrets.json").stat().st_mode) == 0o600


def test_a_secret_that_an_older_version_did_not_know_is_added(state: State) -> None:
    first = state.secrets()
    older = {name: value for name, value in first.items() if name != "portal_secret"}
    (state.folder / "secrets.json").write_text(json.dumps(older))

    added = state.secrets()

    assert added["portal_secret"]
    assert {**added, "portal_secret": ""} == {**first, "portal_secret": ""}


def test_ports_are_all_different_and_the_same_at_the_next_start(state: State) -> None:
    first = state.ports()

    assert set(first) == set(USUAL_PORTS)
    assert len(set(first.values())) == len(first)
    assert state.ports() == first


def test_a_port_that_was_taken_meanwhile_is_exchanged_alone(state: State) -> None:
    first = state.ports()

    with socket.create_server(("127.0.0.1", first["roles"])):
        second = state.ports()

    assert second["roles"] != first["roles"]
    assert {**second, "roles": 0} == {**first, "roles": 0}


def test_a_directory_is_held_by_one_system_at_a_time(state: State) -> None:
    with (
        state.locked(),
        pytest.raises(AlreadyRunningError, match="--data-dir"),
        State(state.folder).locked(),
    ):
        pass

    with State(state.folder).locked():
        assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700


def test_new_process_ids_reach_run_json_only_while_it_is_there(state: State) -> None:
    state.note_pids({"ingest": os.getpid()})
    assert not (state.folder / "run.json").exists()
    state.write_run({"portal": "http://127.0.0.1:8083", "pids": {"ingest": 1}})

    state.note_pids({"ingest": os.getpid()})

    run = json.loads((state.folder / "run.json").read_text())
    assert run == {"portal": "http://127.0.0.1:8083", "pids": {"ingest": os.getpid()}}


def test_a_new_start_forgets_run_json_and_keeps_one_generation_of_logs(state: State) -> None:
    state.write_run({})
    logs = state.folder / "logs"
    logs.mkdir()
    (logs / "kafka.log").write_text("before")

    state.begin()

    assert not (state.folder / "run.json").exists()
    assert [path.name for path in logs.iterdir()] == ["kafka.log.1"]


def test_parts_without_a_usual_port_get_one_that_they_keep(state: State) -> None:
    first = state.ports(["kafka", "kafka-2"])

    assert set(first) == {*USUAL_PORTS, "kafka-2"}
    assert len(set(first.values())) == len(first)
    assert state.ports(["kafka-2"]) == first
