"""Run folders on a disk, on an S3 server and on a Hub: whole shards, once, of one run."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Processes
from test_publish_refusals import on_small_disk

import extractors
from jit_synthesis import JitSynthesisConfig
from pipeline import cli
from pipeline.publishing.retrying import UnreachableError
from pipeline.scale.store import Store, make_one
from pipeline.shards import Run, Shard, run_of

CONFIG = JitSynthesisConfig("warp", num_train=7, num_validation=2, num_test=0)
COMMAND = ["shard", "--config", "warp", "--count", "7", "--validation", "2", "--test", "0"]
COMMAND += ["--shard-rows", "4"]
PATHS = [f"warp/{name}.parquet" for name in ("train-00000-of-00002", "train-00001-of-00002")]
PATHS += ["warp/validation-00000-of-00001.parquet"]

Place = Callable[[], Store]


@pytest.fixture(scope="module")
def run() -> Run:
    return run_of(CONFIG, 4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, run: Run) -> Path:
    """A run folder on a disk, all of its shards made."""
    store = Store(str(tmp_path_factory.mktemp("whole") / "warp"))
    store.open(run.manifest)
    with extractors.Extractor("warp") as compiler:
        for shard in run.shards:
            make_one(CONFIG, shard, store, compiler)
    return Path(store.root)


@pytest.fixture(params=["disk", "s3"])
def place(request, tmp_path: Path, s3: Any) -> Place:
    """Opens the same place anew, as another process does, which starts empty."""
    if request.param == "disk":
        return lambda: Store(str(tmp_path / "run"))
    url = f"s3://bucket/{uuid.uuid4().hex}/run"
    return lambda: Store(url, s3.options)


def filled(place: Place, run: Run, whole: Path) -> Store:
    """A store with all shards of a run, copied there."""
    store = place()
    store.open(run.manifest)
    for shard in run.shards:
        store.put(shard, whole)
    return store


def files(folder: Path) -> dict[str, bytes]:
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    return {path: found[path].read_bytes() for path in sorted(found)}


def test_a_run_is_written_once_and_read_anywhere(place, run, whole, tmp_path, monkeypatch):
    store = place()
    store.open(run.manifest)
    assert store.missing(run.shards) == run.shards
    assert [store.finished(shard) for shard in run.shards] == [None] * 3
    made = make_one(CONFIG, run.shards[2], store)
    assert made["rows"] == 2
    monkeypatch.setattr("extractors.Extractor", None)  # nothing is compiled from here on
    other = pickle.loads(pickle.dumps(place()))
    assert make_one(CONFIG, run.shards[2], other) == made
    assert other.missing(run.shards) == run.shards[:2]
    for shard in run.shards[:2]:
        other.put(shard, whole)
    assert [shard.path for shard in run.shards] == PATHS
    assert store.records(run.shards).keys() == {*PATHS}
    assert store.records(run.shards, deep=True)[PATHS[2]] == made
    assert {path: store.content(path) for path in store.sizes()} == files(whole)
    copied = tmp_path / "copied"
    assert store.fetch(run.shards[0], copied) == store.finished(run.shards[0])
    assert files(copied)[PATHS[0]] == files(whole)[PATHS[0]]


DAMAGES: dict[str, tuple[Callable[[Store, Shard], None], str, bool]] = {
    "gone": (lambda store, shard: store.remove([shard.path]), "missing", False),
    "truncated": (
        lambda store, shard: store.write(shard.path, store.content(shard.path)[:-100]),
        "bytes instead of",
        False,
    ),
    "a byte flipped": (
        lambda store, shard: store.write(shard.path, b"PAR0" + store.content(shard.path)[4:]),
        "its checksum is not the one in its record",
        True,
    ),
    "no record": (lambda store, shard: store.remove([shard.record]), "without a record", False),
    "half a record": (
        lambda store, shard: store.write(shard.record, store.content(shard.record)[:50]),
        "its record cannot be read",
        False,
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_seen_and_made_again(damage, place, run, whole, monkeypatch):
    spoil, reason, only_deep = DAMAGES[damage]
    store = filled(place, run, whole)
    shard = run.shards[1]
    spoil(store, shard)
    assert reason in str(store.look(shard, store.sizes(), deep=True))
    assert (store.finished(shard) is None) == (store.local or not only_deep)
    assert store.missing(run.shards, deep=True) == [shard]
    with pytest.raises(ValueError, match=r"train-00001-of-00002.*: jit-synthesis gather "):
        store.fetch(shard, whole.parent / uuid.uuid4().hex)

    def make_shard(shard: Shard, folder: Path, hand: object) -> None:
        shutil.copytree(whole, folder, dirs_exist_ok=True)

    monkeypatch.setattr("pipeline.scale.store.make_shard", make_shard)
    make_one(CONFIG, shard, store, extractors.Extractor("warp"), deep=True)
    assert {path: store.content(path) for path in store.sizes()} == files(whole)


def test_another_run_is_refused_by_what_differs_or_thrown_away(place, run, whole):
    store = filled(place, run, whole)
    mine = ["README.md", "assets/mine.png", "metadata/mine.json", "notes.txt", "warp/mine.parquet"]
    for path in mine:
        store.write(path, b"mine")
    for manifest, told in (
        (run.manifest | {"seed": 3}, "seed 0, now 3"),
        (run.manifest | {"num_train": 8}, "num_train 7, now 8"),
        (run.manifest | {"warp": "1.18.0"}, "warp '1.19.0', now '1.18.0'"),
        ({**run.manifest, "config": "paired"}, "config 'warp', now 'paired'"),
    ):
        with pytest.raises(ValueError, match=f"another run .*{told}.*or name another folder"):
            place().open(manifest)
    assert store.missing(run.shards, deep=True) == []
    other = place()
    other.open(run.manifest | {"seed": 3}, restart=True)
    assert sorted(other.sizes()) == sorted(["manifest.json", *mine])
    assert other.manifest()["seed"] == 3


def test_a_shard_of_another_run_does_not_count_whatever_the_manifest_says(place, run, whole):
    store = filled(place, run, whole)
    store.write("manifest.json", json.dumps(run.manifest | {"seed": 3}).encode())
    other = place()
    other.open(run.manifest | {"seed": 3})
    assert other.records(run.shards) == {}
    assert other.look(run.shards[0], other.sizes()) == "of another run"


def test_a_manifest_that_is_none_is_told(place, run):
    store = place()
    with pytest.raises(ValueError, match=r"holds no manifest.json: name a folder"):
        store.manifest()
    if store.local:
        Path(store.root).mkdir()
    store.write("manifest.json", b"{")
    with pytest.raises(ValueError, match=r"manifest.json cannot be read: remove it"):
        place().open(run.manifest)


def test_workers_that_put_the_same_shard_at_once(tmp_path, run, whole):
    stores = [Store(str(tmp_path / "run")) for _ in range(8)]
    stores[0].open(run.manifest)
    together = threading.Barrier(len(stores))
    failed: list[BaseException] = []

    def put(store: Store) -> None:
        try:
            together.wait()
            for _ in range(20):
                store.put(run.shards[0], whole)
                assert store.finished(run.shards[0])
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failed.append(error)

    threads = [threading.Thread(target=put, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    wanted = {p: c for p, c in files(whole).items() if "train-00000" in p or "manifest" in p}
    assert files(tmp_path / "run") == wanted


DIES = """
import os, signal, sys
from pipeline import cli
from pipeline.scale import store
def die(source, target):
    target.write_bytes(source.read_bytes()[:999])
    os.kill(os.getpid(), signal.SIGKILL)
store.shutil.copyfile = die
cli.main(sys.argv[1:])
"""


def test_a_job_killed_while_it_writes_leaves_no_shard(
    tmp_path, processes: Processes, run, whole, capsys
):
    folder = tmp_path / "run"
    command = [*COMMAND, "--index", "2", "--output", str(folder)]
    done = processes.run("-c", DIES, *command)
    assert done.returncode == -signal.SIGKILL
    processes.assert_none_left()
    store = Store(str(folder))
    assert [*store.sizes()] == ["manifest.json"]
    [left] = (folder / "warp").iterdir()
    assert left.stat().st_size == 999
    assert cli.main(command) == 0
    assert "2 rows, " in capsys.readouterr().err
    store.tidy()
    wanted = files(whole)
    assert files(folder) == {path: wanted[path] for path in files(folder)}
    assert store.missing(run.shards) == run.shards[:2]


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(on_small_disk(disk, "16k", "true"), check=False).returncode:
        pytest.skip("this system lets nobody mount a disk of their own")
    words = [sys.executable, "-m", "pipeline", *COMMAND, "--index", "0"]
    script = f'"$@"; code=$?; find {disk} -type f; exit $code'
    inside = ["sh", "-c", script, "sh", *words, "--output", str(disk / "run")]
    env = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        on_small_disk(disk, "16k", *inside),
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout.split() == [str(disk / "run" / "manifest.json")]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nowhere://bucket/run", "name a folder, or a URL as s3://"),
        ("missing/run", "does not exist: mkdir -p"),
        ("file", "file is a file: name a folder"),
        ("file/run", "file is a file: name a folder"),
        ("/proc/run", "cannot write in folder /proc"),
    ],
)
def test_a_place_that_cannot_be_is_told(url, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert cli.main([*COMMAND, "--index", "0", "--output", url]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_s3_store_in_trouble_is_told_in_one_line(s3, run, monkeypatch, capsys):
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ValueError, match=r"s3://none/run: .*bucket does not exist: make it first"):
        Store("s3://none/run", s3.options).open(run.manifest)
    for name, value in (s3.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnreachableError, match="s3://bucket/run: Could not connect"):
        Store("s3://bucket/run", {"skip_instance_cache": True}).open(run.manifest)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UnreachableError, match=r"credentials.*address and keys are right"):
        Store("s3://bucket/run", {"skip_instance_cache": True}).open(run.manifest)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert cli.main([*COMMAND, "--index", "0", "--output", "s3a://bucket/run"]) == 2
    assert "pip install 'jit-synthesis[scale]'" in capsys.readouterr().err


def test_a_run_on_the_hub(hub, api, run, whole):
    def place() -> Store:
        options = {"endpoint": hub.url, "token": hub.token, "skip_instance_cache": True}
        return Store("hf://datasets/me/jit-kernels/runs/warp", options)

    store = filled(place, run, whole)
    assert place().missing(run.shards, deep=True) == []
    assert {path: store.content(path) for path in place().sizes()} == files(whole)
