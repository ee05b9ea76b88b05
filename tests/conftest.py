"""Caches in a temporary folder, no network, and eyes on the processes that tests leave behind."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hub_server import HubServer

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from s3_server import S3Server

ROOT = Path(__file__).resolve().parent.parent
CACHE = tempfile.mkdtemp(prefix="jit-synthesis-tests-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)

# Read when datasets is imported, so before any test module.
os.environ |= {"HF_HOME": CACHE, "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
os.environ |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
for name in ("HF_DATASETS_CACHE", "HF_HUB_CACHE", "HF_MODULES_CACHE", "HF_TOKEN"):
    os.environ.pop(name, None)


# They use JAX in this process, which the others fork: that must not be the other way round.
JAX_IN_PROCESS = {"test_extractors_jax", "test_extractors_toolchain", "test_user_files"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what uses JAX in this process last."""
    items.sort(key=lambda item: item.path.stem in JAX_IN_PROCESS)


class Processes:
    """Python processes of a test, and all that descends from them, found by a mark they inherit."""

    def __init__(self) -> None:
        self.mark = f"JIT_SYNTHESIS_TEST={uuid.uuid4().hex}"

    def start(
        self, *arguments: str | Path, cwd: Path = ROOT, stderr: int = subprocess.PIPE, **env: str
    ) -> subprocess.Popen[str]:
        """Start python with arguments, this checkout on its path, in a process group of its own."""
        name, _, value = self.mark.partition("=")
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {name: value, "PYTHONPATH": path, "COLUMNS": "100"} | env,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *arguments: str | Path, cwd: Path = ROOT, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run python to its end."""
        process = self.start(*arguments, cwd=cwd, **env)
        out, error = process.communicate(timeout=200)
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)

    def left(self) -> list[int]:
        """The processes that still run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # Empty for a zombie, which runs no more.
                if self.mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def assert_none_left(self) -> None:
        """Fail unless all of them end by themselves."""
        wait_until(lambda: not self.left(), "processes are left")


def wait_until(reached: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def children() -> set[int]:
    """The direct children of this process."""
    found = Path("/proc/self/task").glob("*/children")
    return {int(pid) for path in found for pid in path.read_text().split()}


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    for pid in made.left():
        os.kill(pid, 9)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub of this test's own, on a free port of loopback.

    huggingface_hub reads HF_ENDPOINT when it is imported, which has happened here, without network.
    So clients in this process use `hub.api()`, which names the endpoint; what can only be told by
    the environment (datasets, the command line) runs in a process of its own (`processes`), which
    inherits what is set here. Nothing is left behind for the tests that the process runs later.
    """
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with HubServer(tmp_path / "hub") as server:
        for name, value in server.environment(tmp_path / "hf").items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """An S3 server of this file's own, on a free port of loopback."""
    from s3_server import S3Server

    with S3Server() as server:
        yield server


@pytest.fixture
def api(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    """A client that does not wait between attempts, of a Hub with an empty me/jit-kernels."""
    clock = SimpleNamespace(sleep=lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.utils._http.time", clock)
    made = hub.api()
    made.create_repo("me/jit-kernels", repo_type="dataset")
    return made


@pytest.fixture
def no_children_left() -> Iterator[None]:
    """Fail when the test leaves a child running in this process."""
    before = children()
    yield
    wait_until(lambda: len(_workers(children() - before)) == 0, "children are left", 20)


def _workers(pids: set[int]) -> set[int]:
    """Without multiprocessing's resource tracker, which serves the process to its end."""
    found = set()
    for pid in pids:
        try:
            if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
        except OSError:
            continue
    return found
