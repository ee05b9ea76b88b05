"""Temporary folders of killed processes: removed by the next, those in use left alone."""

from __future__ import annotations

import signal

import pytest
from conftest import Processes

from extractors import scratch

HOLD = """
import time
from pathlib import Path
from extractors.scratch import scratch

with scratch("shard") as folder:
    Path(folder, "half.parquet").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_process_s_folder_goes_when_the_next_comes(
    here, processes: Processes, monkeypatch
):
    killed, alive = (processes.start("-c", HOLD) for _ in range(2))
    [lost, used] = [run.stdout.readline().strip().rsplit("/")[-1] for run in (killed, alive)]
    assert names(here) == sorted([lost, used])
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with scratch.scratch("shard") as mine:
        assert names(here) == sorted([lost, used, mine.name])  # too young to tell
    monkeypatch.setattr(scratch, "YOUNG_S", 0.0)
    with scratch.scratch("shard") as mine:
        assert names(here) == sorted([used, mine.name])
    assert names(here) == [used]
    alive.terminate()
    alive.communicate()


def test_what_is_no_such_folder_stays(here, monkeypatch):
    monkeypatch.setattr(scratch, "YOUNG_S", 0.0)
    (here / "jit_synthesis_mine").mkdir()
    (here / "jit_synthesis_notes.txt").write_text("x")
    (here / "elsewhere").mkdir()
    (here / "elsewhere" / "kept").write_text("x")
    (here / "jit_synthesis_link").mkdir()
    (here / "jit_synthesis_link" / scratch.LOCK).symlink_to(here / "elsewhere" / "kept")
    before = names(here)
    scratch.sweep(here)
    assert names(here) == before
    assert (here / "elsewhere" / "kept").read_text() == "x"
