"""A Ray cluster of two nodes that things happen to: in the end the bytes of an undisturbed run."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, Processes, wait_until
from ray_cluster import ADDRESS, Cell, Cluster, forbidden
from simulation import simulate

from extractors import Extractor
from jit_synthesis import JitSynthesisConfig
from pipeline.progress import Bar
from pipeline.publishing.retrying import UnreachableError
from pipeline.scale import ray_engine
from pipeline.scale.engines import Failure, Job, choose_engine, failure
from pipeline.scale.scale_command import HOPELESS, HopelessError, Tally
from pipeline.scale.store import Store
from pipeline.shards import run_of

pytest.importorskip("ray", reason="needs the extra [scale]")

RUN = ["scale", "--config", "warp", "--count", "112", "--validation", "16", "--test", "0"]
RUN += ["--shard-rows", "16"]
ON_RAY = ["--engine", "ray", "--address", ADDRESS]
SHARDS = 8
FULL, BAD = "OSError: No space left on device", "ValueError: jax is another"


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The run by one worker of one process, without Ray."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    words = ["-m", "pipeline", *RUN, "--output", str(folder), "--workers", "1"]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    found = files(folder)
    assert len(found) == 2 * SHARDS + 1
    return found


@pytest.fixture(scope="module")
def namespaces() -> None:
    if reason := forbidden():
        pytest.skip(f"no namespaces: {reason}")


@pytest.fixture(scope="module")
def cluster(namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("home")) as made:
        made.add_node()
        yield made


@pytest.fixture(scope="module")
def intruder(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> subprocess.Popen[str]:
    """One with another token, who has to wait a while for his answer."""
    words = [*RUN, "--output", tmp_path_factory.mktemp("intruder") / "run", *ON_RAY]
    return cluster.python("-m", "pipeline", *words, RAY_AUTH_TOKEN="11" * 32)


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    made.assert_none_left()


def start(cluster: Cluster, folder: Path) -> subprocess.Popen[str]:
    return cluster.python("-m", "pipeline", *RUN, "--output", folder, *ON_RAY)


def see_through(driver: subprocess.Popen[str]) -> str:
    _, said = driver.communicate(timeout=200)
    assert driver.returncode == 0, said
    return said


def plain(said: str) -> str:
    """What we said ourselves: without a route, Ray has something to say of the network."""
    return "".join(line + "\n" for line in said.splitlines() if line and line[0] != "[")


def hold(cluster: Cluster, folder: Path, of: psutil.Process | None = None) -> psutil.Process:
    """Stop a worker, of a node if one is given, in the middle of a shard; the others go on."""
    held: list[psutil.Process] = []

    def caught() -> bool:
        for worker in cluster.at_work():
            with suppress(psutil.Error):
                title = " ".join(worker.cmdline())
                if of is not None and worker.ppid() != of.pid:
                    continue
                worker.suspend()
                shard = title.removeprefix("ray::").split(".parquet")[0] + ".parquet"
                if " ".join(worker.cmdline()) == title and not (folder / shard).exists():
                    held.append(worker)
                    return True
                worker.resume()
        return False

    wait_until(caught, "no worker is at work")
    return held[0]


def test_a_worker_killed_in_mid_shard(
    cluster: Cluster,
    intruder: subprocess.Popen[str],
    undisturbed: dict[str, bytes],
    tmp_path: Path,
) -> None:
    driver = start(cluster, tmp_path / "run")
    hold(cluster, tmp_path / "run").kill()
    see_through(driver)
    assert files(tmp_path / "run") == undisturbed


def test_a_node_killed_and_one_that_comes(
    cluster: Cluster, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    driver = start(cluster, tmp_path / "run")
    node = cluster.nodes.pop()
    held = hold(cluster, tmp_path / "run", node)
    cluster.kill_node(node)
    wait_until(lambda: not held.is_running() or held.status() == "zombie", "it goes on")
    cluster.add_node()
    see_through(driver)
    assert files(tmp_path / "run") == undisturbed


def test_the_driver_killed_a_shard_truncated_and_all_started_again(
    cluster: Cluster, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    driver = start(cluster, folder)
    hold(cluster, folder)
    wait_until(lambda: len(list(folder.glob("warp/*.json"))) > 1, "no shards are done")
    for process in psutil.Process(driver.pid).children(recursive=True):
        process.kill()
    driver.communicate()
    wait_until(lambda: not cluster.at_work(), "workers go on without a driver")
    victim, *kept = sorted(folder.glob("warp/*.parquet"))
    assert 0 < len(kept) < SHARDS - 1
    made = {path: path.stat().st_mtime_ns for path in kept}
    victim.write_bytes(victim.read_bytes()[:-100])
    said = see_through(start(cluster, folder))
    assert f"{16 * len(kept)} of them from an earlier run" in said
    assert files(folder) == undisturbed
    assert {path: path.stat().st_mtime_ns for path in kept} == made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_what_is_finished(
    cluster: Cluster, undisturbed: dict[str, bytes], tmp_path: Path, number: int
) -> None:
    folder = tmp_path / "run"
    driver = start(cluster, folder)
    hold(cluster, folder)
    wait_until(lambda: list(folder.glob("warp/*.json")), "no shard is done")
    for process in psutil.Process(driver.pid).children():
        process.send_signal(number)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130, said
    made = {path: text for path, text in files(folder).items() if path.endswith(".json")}
    assert 1 < len(made) < SHARDS + 1
    assert made.items() <= undisturbed.items()
    kept = f"{16 * (len(made) - 1)} of 128 rows are kept"
    assert plain(said) == f"jit-synthesis: interrupted: {kept}, the same command goes on\n"
    wait_until(lambda: not cluster.at_work(), "workers go on without a driver")


def test_a_full_disk(cluster: Cluster, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]
    assert cluster.start(mount).wait() == 0
    code, said = cluster.run(*RUN, "--output", disk / "run", *ON_RAY)
    assert code == 1
    assert f"OSError: No space left on device ({disk / 'run'}/warp/" in said
    assert "jit-synthesis shard --config warp" in said
    grow = ["mount", "-o", "remount,size=100m", disk]
    assert cluster.start(grow).wait() == 0
    code, said = cluster.run(*RUN, "--output", disk / "run", *ON_RAY)
    assert code == 0, said
    assert cluster.start(["cp", "-a", disk / "run", tmp_path / "seen"]).wait() == 0
    inside = Path(f"/proc/{cluster.init}/root") / disk.relative_to("/") / "run"
    assert files(inside) == undisturbed


def test_a_shard_that_kills_its_workers_is_told_and_the_others_go_on(
    cluster: Cluster, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    cursed = "warp/train-00005-of-00007.parquet"
    driver = start(cluster, folder)
    while driver.poll() is None:
        for worker in cluster.titled(f"ray::{cursed}"):
            worker.kill()
        time.sleep(0.005)
    _, said = driver.communicate()
    assert driver.returncode == 1, said
    assert f"{cursed}: its worker died, 6 times: jit-synthesis shard --config warp" in said
    assert "1 shards failed: 1 its worker died" in said
    others = {p: t for p, t in undisturbed.items() if not p.startswith(cursed[:-8])}
    assert files(folder) == others


def test_a_node_short_of_memory_is_told_in_the_end(namespaces: None, tmp_path: Path) -> None:
    """Of its own accord Ray would try for ever."""
    short = {"RAY_memory_usage_threshold": "0.001", "RAY_memory_monitor_refresh_ms": "50"}
    with Cell(tmp_path / "home", **short, RAY_task_oom_retry_delay_base_ms="50") as cell:
        words = ["scale", "--config", "warp", "--count", "16", "--validation", "0", "--test", "0"]
        words += ["--output", str(tmp_path / "run"), "--engine", "ray", "--workers", "1"]
        code, said = cell.run(*words)
    assert code == 1, said
    assert "train-00000-of-00001.parquet: its node ran out of memory, 6 times" in said


def test_a_node_with_another_compiler_is_left_out(
    cluster: Cluster, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    other = tmp_path / "other" / "warp_lang-1.19.7.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: warp-lang\nVersion: 1.19.7\n")
    path = os.pathsep.join([str(other.parent), cluster.env["PYTHONPATH"]])
    node = cluster.add_node(PYTHONPATH=path)
    try:
        driver = cluster.python("-m", "pipeline", *RUN, "--output", tmp_path / "run", *ON_RAY)
        said = see_through(driver)
    finally:
        cluster.kill_node(node)
        cluster.nodes.remove(node)
    assert said.count("is left out: warp '1.19.0', now '1.19.7'") == 1
    assert files(tmp_path / "run") == undisturbed


def test_without_the_token_there_is_no_way_in(intruder: subprocess.Popen[str]) -> None:
    _, said = intruder.communicate(timeout=60)
    assert intruder.returncode == 2
    assert plain(said).startswith(f"jit-synthesis: no Ray cluster can be used at {ADDRESS}: ")
    assert plain(said).count("\n") == 1


def listening(cell: Cell) -> set[str]:
    """The addresses that something inside listens at."""
    found = set()
    for name in ("tcp", "tcp6"):
        lines = Path(f"/proc/{cell.init}/net/{name}").read_text().splitlines()[1:]
        found |= {line.split()[1].split(":")[0] for line in lines if line.split()[3] == "0A"}
    return found


def test_started_here_it_listens_on_loopback_alone(
    namespaces: None, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """With an address of the machine's own to listen at, as Ray does of itself."""
    with Cell(tmp_path / "home") as cell:
        outward = "ip addr add 10.9.8.7/32 dev lo && ip route add default dev lo src 10.9.8.7"
        assert cell.start(["sh", "-c", outward]).wait() == 0
        words = [*RUN, "--output", tmp_path / "run", "--engine", "ray"]
        driver = cell.python("-m", "pipeline", *words)
        wait_until(lambda: cell.titled("ray::warp/") or driver.poll() is not None, "no shards")
        at = listening(cell)
        commands = [" ".join(process.cmdline()) for process in cell.processes()]
        see_through(driver)
        wait_until(lambda: len(cell.processes()) == 0, "Ray is left")
        left = {path.name for path in Path(cell.env["TMPDIR"]).iterdir()}
    assert not {name for name in left if "worker" in name or "shard" in name}
    loopback = {socket.inet_aton("127.0.0.1")[::-1].hex().upper()}
    mapped = {"0000000000000000FFFF0000" + address for address in loopback}
    assert at
    assert at <= loopback | mapped
    assert not [c for c in commands if "client.server" in c]
    # Ray's own counters live in a process of that name, which then serves nothing.
    assert all("--disable-frontend" in c for c in commands if "dashboard/dashboard.py" in c)
    assert not (tmp_path / "home" / ".ray").exists()
    assert files(tmp_path / "run") == undisturbed


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "dask"}, "unknown engine 'dask': choose from local, ray"),
        ({"name": "local", "address": "auto"}, "--address is a cluster's: add --engine ray"),
        ({"name": "ray", "workers": 0}, "workers=0 must be 1 or more"),
        ({"name": "ray", "address": ""}, "--address is empty: auto, or HOST:PORT"),
        ({"name": "ray", "address": "ray://head:10001"}, "--address ray://head:10001 is of Ray's"),
    ],
)
def test_bad_options(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        choose_engine(**options)


def test_an_address_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "ANSWER_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        engine = choose_engine("ray", address=address)
        with pytest.raises(ValueError, match=f"at {address}: no answer within 2 s; is it up"):
            engine.check()


def test_an_engine_that_is_not_installed(processes: Processes, tmp_path: Path) -> None:
    hide = "import importlib.util as u, sys; find = u.find_spec; "
    hide += "u.find_spec = lambda name, *more: None if name == 'ray' else find(name, *more); "
    hide += "from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"
    done = processes.run("-c", hide, *RUN, "--output", tmp_path / "run", "--engine", "ray")
    assert done.returncode == 2
    assert "Ray is not installed: pip install 'jit-synthesis[scale]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_local_engine_goes_on_after_a_kill(
    undisturbed: dict[str, bytes], processes: Processes, tmp_path: Path
) -> None:
    words = ["-m", "pipeline", *RUN, "--output", tmp_path / "run", "--workers", "2"]
    driver = processes.start(*words)
    wait_until(lambda: list(tmp_path.glob("run/warp/*.json")), "no shard is done")
    os.killpg(driver.pid, signal.SIGKILL)
    driver.communicate()
    assert len(list(tmp_path.glob("run/warp/*.json"))) < SHARDS, "nothing was left to do"
    assert processes.run(*words).returncode == 0
    assert files(tmp_path / "run") == undisturbed


def test_one_failure_after_the_other_ends_the_run() -> None:
    run = run_of(JitSynthesisConfig("warp", num_train=100, num_validation=0, num_test=0), 1)
    tally = Tally(Bar("warp", 100))
    made = {"rows": 1, "yield": {"reasons": [{"count": 3, "kept": False}]}}
    for shard in run.shards[:HOPELESS]:
        tally.add(shard, Failure("no", "no") if shard.number else made)
    assert tally.failed() == f"{HOPELESS - 1} shards failed: {HOPELESS - 1} no"
    assert (tally.made, tally.bar.tasks[0].fields["rejected"]) == (1, 3)
    with pytest.raises(HopelessError):
        tally.add(run.shards[HOPELESS], Failure("no", "no"))


def test_a_store_that_is_gone_ends_the_run_sooner_and_counts_as_one_reason() -> None:
    run = run_of(JitSynthesisConfig("warp", num_train=100, num_validation=0, num_test=0), 1)
    tally, store = Tally(Bar("warp", 100)), Store("s3://bucket/run", {"endpoint_url": "http://x"})
    told = "s3://bucket/run: Could not connect to the endpoint URL: {}"
    failures = [
        failure(UnreachableError(told.format(shard.path)), shard, store) for shard in run.shards[:4]
    ]
    for shard, found in list(zip(run.shards, failures, strict=False))[:3]:
        tally.add(shard, found)
    assert tally.failed().startswith("3 shards failed: 3 UnreachableError: s3://bucket/run: Could")
    assert run.shards[0].path in failures[0].reason
    with pytest.raises(HopelessError):
        tally.add(run.shards[3], failures[3])


def test_a_run_that_cannot_begin_leaves_no_manifest(processes: Processes, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    words = [
        *RUN,
        "--output",
        tmp_path / "run",
        "--engine",
        "ray",
        "--address",
        f"127.0.0.1:{port}",
    ]
    done = processes.run("-m", "pipeline", *words)
    assert done.returncode == 2
    assert not (tmp_path / "run").exists()


def test_what_raises_is_tried_again_but_for_what_would_come_to_the_same(tmp_path: Path) -> None:
    run = run_of(JitSynthesisConfig("warp", num_train=1, num_validation=0, num_test=0), 1)
    tried: list[str] = []
    full, reset = OSError(errno.ENOSPC, "full", "/data/x"), ConnectionResetError("reset")
    here = str(tmp_path / "x")

    def make(error: Exception, *_: Any, **__: Any) -> dict[str, Any]:
        tried.append(type(error).__name__)
        raise error

    for error, times, told in (
        (full, 1, Failure("OSError: No space left on device (/data/x)", FULL)),
        (OSError(errno.ENOSPC, "full", here), 1, Failure(f"{FULL} ({here})", FULL, True)),
        (reset, 2, Failure("ConnectionResetError: reset", "ConnectionResetError: reset")),
        (ValueError("jax is another"), 1, Failure(BAD, BAD)),
    ):
        tried.clear()
        job = Job(run.config, run.manifest, str(tmp_path), partial(make, error))
        with Extractor("warp") as compiler:
            assert job.attempt(run.shards[0], compiler) == told
        assert len(tried) == times


def test_another_run_is_refused(
    undisturbed: dict[str, bytes], processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_bytes(undisturbed["manifest.json"])
    seed = json.loads(undisturbed["manifest.json"])["seed"]
    words = [*RUN, "--output", tmp_path / "run", "--seed", str(seed + 1)]
    done = processes.run("-m", "pipeline", *words)
    assert done.returncode == 2
    assert "holds shards of another run (seed 0, now 1)" in done.stderr


def test_a_hundred_shards_where_attempts_and_nodes_die(cluster: Cluster, tmp_path: Path) -> None:
    found = simulate(cluster, tmp_path / "simulated", 100, (0.05, 0.01))
    assert (found.there, found.others, found.failures) == (100, 0, [])
    assert found.attempts["dies"] >= 3
    assert found.attempts["node dies"] >= 1
    assert found.attempts["done"] >= 100
