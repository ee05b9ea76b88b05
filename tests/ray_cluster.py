"""A Ray cluster of this machine's own, in namespaces that nothing gets out of or outlives.

Network: loopback alone, since Ray would listen on the machine's outward address. Processes: all end
with the first. Mounts: a disk can be as small as a test wants it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from conftest import ROOT, wait_until

UNSHARE = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"]
UNSHARE += ["--mount-proc", "sh", "-c"]
ADDRESS = "127.0.0.1:6379"  # in a network of its own it is free
OBJECTS = ["--object-store-memory", str(80 * 2**20)]


def forbidden() -> str:
    """Why namespaces cannot be had here; empty where they can."""
    try:
        done = subprocess.run(
            [*UNSHARE, "ip link set lo up"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    return done.stderr.strip()


class Cell:
    """Namespaces of their own: a context manager. Processes in it run this checkout."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        # The paths of Ray's sockets are long, and the system allows 107 characters.
        self._short = tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp")
        self.env = kept | {"PYTHONPATH": path, "HOME": str(folder), "COLUMNS": "200"}
        self.env |= {"RAY_TMPDIR": self._short.name, "TMPDIR": self._short.name} | env

    def __enter__(self) -> Cell:
        self.first = subprocess.Popen(
            [*UNSHARE, "ip link set lo up && echo up && exec sleep infinity"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.first.stdout is not None
        assert self.first.stdout.readline() == "up\n"
        self.init = psutil.Process(self.first.pid).children()[0].pid
        return self

    def __exit__(self, *_: object) -> None:
        inside = self.processes()
        os.kill(self.init, signal.SIGKILL)
        self.first.wait()
        wait_until(lambda: not any(p.is_running() for p in inside), "processes are left")
        self._short.cleanup()

    def start(self, words: Sequence[str | Path], **env: str) -> subprocess.Popen[str]:
        """Start a command inside."""
        enter = ["nsenter", "--target", str(self.init), "--user", "--preserve-credentials"]
        return subprocess.Popen(
            [*enter, "--net", "--mount", "--pid", "--wd=" + str(ROOT), *map(str, words)],
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def python(self, *words: str | Path, **env: str) -> subprocess.Popen[str]:
        """Start Python inside."""
        return self.start([sys.executable, *words], **env)

    def run(self, *words: str | Path, **env: str) -> tuple[int, str]:
        """Run the command line inside: exit code and what it said on stderr."""
        process = self.python("-m", "pipeline", *words, **env)
        _, said = process.communicate(timeout=200)
        return process.returncode, said

    def processes(self) -> list[psutil.Process]:
        """All that runs inside."""
        return [p for p in psutil.process_iter() if _inside(p, self.init)]

    def commands(self) -> list[str]:
        """The command lines of all that runs inside."""
        return [_command(process) for process in self.processes()]

    def titled(self, title: str) -> list[psutil.Process]:
        """Those whose command line begins so."""
        return [p for p in self.processes() if _command(p).startswith(title)]


class Cluster(Cell):
    """A cell with a head that has one core, and nodes with one more each, behind a token."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="00" * 32)
        self.nodes: list[psutil.Process] = []

    def __enter__(self) -> Cluster:
        super().__enter__()
        self._ray("--head", "--port", ADDRESS.split(":")[1], "--include-dashboard", "false")
        return self

    def add_node(self, **env: str) -> psutil.Process:
        """Start a node; its raylet, from which its workers descend."""
        node = self._ray("--address", ADDRESS, **env)
        self.nodes.append(node)
        return node

    def _ray(self, *words: str, **env: str) -> psutil.Process:
        before = self.raylets()
        found: set[psutil.Process] = set()

        def is_there() -> bool:
            found.update(self.raylets() - before)
            return bool(found) or started.poll() is not None

        start = ["-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1", *OBJECTS]
        started = self.python(*start, "--node-ip-address", "127.0.0.1", *words, **env)
        wait_until(is_there, "no node")
        assert started.poll() is None, started.communicate()
        return found.pop()

    def raylets(self) -> set[psutil.Process]:
        """What manages a node, one each."""
        return {p for p in self.processes() if "/raylet/raylet " in _command(p)}

    def kill_node(self, node: psutil.Process) -> None:
        """Kill a node and everything on it at once."""
        for process in [node, *node.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def at_work(self) -> list[psutil.Process]:
        """Workers with a shard in hand, which stands in their title."""
        return self.titled("ray::warp/")


def _inside(process: psutil.Process, init: int) -> bool:
    try:
        found = Path(f"/proc/{process.pid}/ns/pid").readlink()
        here = found == Path(f"/proc/{init}/ns/pid").readlink() and process.pid != init
        return here and process.status() != psutil.STATUS_ZOMBIE  # the first reaps none
    except (OSError, psutil.NoSuchProcess):
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
