"""Shards made by Ray: on this machine's cores, or on a cluster whose nodes come and go.

A worker or a node that dies costs the shards it had in hand, which Ray starts elsewhere. Nothing
travels but the job, a few hundred bytes a shard, and its record: shards go from the worker straight
to the store.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pickle
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import extractors
from extractors.outcomes import one_line
from extractors.scratch import sweep
from pipeline.crew import usable_cores
from pipeline.parts import differences
from pipeline.scale.engines import Failure, Job, Record, Tell, failure
from pipeline.scale.store import Store
from pipeline.shards import Shard, manifest

RETRIES = 5  # of a shard whose worker or node died
AHEAD = 2  # shards in flight for each CPU: one at work, one at hand when that is done
ANSWER_S = 30  # for a cluster's first answer; Ray itself would wait two minutes
LOOK_S = 1.0  # between two looks at what is done
COUNT_S = 5.0  # between two looks at what nodes there are
OBJECTS = 100 * 2**20  # bytes of Ray's shared memory here: records are small

# A local cluster listens on loopback alone. Ray takes the machine's own address elsewhere, and this
# is its switch for systems whose firewall asks about that; it is read when Ray is imported.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# Ray would end what removes a worker's semaphores; what compiles ends with its worker anyway.
LOCAL = LOOPBACK | {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_kill_child_processes_on_worker_exit": "0",
}
# What Ray ends for its node's memory it would start again for ever; the driver's value counts.
OUT_OF_MEMORY = {"RAY_task_oom_retries": str(RETRIES)}
DIED = {
    "WorkerCrashedError": "its worker died",
    "NodeDiedError": "its node died",
    "OutOfMemoryError": "its node ran out of memory",
}
PROBE = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='ERROR')"


@dataclass(frozen=True)
class Refused:
    """A node cannot make this run's shards: which one, and why."""

    node: str
    address: str
    reason: str


class Ray:
    """Ray core, at ``address`` (a node of a cluster must run on this machine) or started here.

    ``workers`` is how many shards are made at once: the CPUs of the cluster by default. ``say`` is
    told of nodes that cannot be used. ValueError when Ray is not installed.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.address = address
        self.workers = workers
        self.say = say
        self._left_out: dict[str, Refused] = {}
        if address == "":
            raise ValueError("--address is empty: auto, or HOST:PORT of a node of the cluster")
        if address is not None and "://" in address:
            raise ValueError(
                f"--address {address} is of Ray's client, which is not used: run this on a node of "
                "the cluster, with --address auto or HOST:PORT"
            )
        if importlib.util.find_spec("ray") is None:
            raise ValueError("engine ray: Ray is not installed: pip install 'jit-synthesis[scale]'")

    def check(self) -> None:
        """As `pipeline.scale.engines.Engine` says: does the cluster answer, does it want us?"""
        if self.address is not None:
            _probe(self.address)

    def run(self, job: Job, shards: Sequence[Shard], tell: Tell) -> None:
        """As `pipeline.scale.engines.Engine` says."""
        payload = pickle.dumps(job)
        with _silent(), self._connected() as ray:
            task = ray.remote(num_cpus=1, max_retries=RETRIES)(_carried())
            waiting, flying = deque(shards), {}
            room = _Room(ray, None if self.address is None else self.workers)
            while waiting or flying:
                while waiting and len(flying) < room.now():
                    shard = waiting.popleft()
                    ref = task.options(name=shard.path, label_selector=self._where()).remote(
                        payload, pickle.dumps(shard)
                    )
                    flying[ref] = shard
                for ref in _done(ray, list(flying)):
                    shard = flying.pop(ref)
                    found = _outcome(ray, ref, shard, job)
                    if isinstance(found, Refused):
                        self._leave_out(ray, found)
                        waiting.appendleft(shard)
                    else:
                        tell(shard, found)

    def _where(self) -> dict[str, str] | None:
        """Any node but those that have refused."""
        out = ",".join(self._left_out)
        return {"ray.io/node-id": f"!in({out})"} if out else None

    def _leave_out(self, ray: Any, found: Refused) -> None:
        if found.node not in self._left_out:
            self._left_out[found.node] = found
            self.say(f"node {found.address} is left out: {found.reason}")
        fit = [
            node
            for node in ray.nodes()
            if node["Alive"]
            and node["NodeID"] not in self._left_out
            and node["Resources"].get("CPU", 0) >= 1
        ]
        if not fit:
            raise ValueError(
                f"no node can make these shards ({found.address}: {found.reason}): install the "
                "same jit-synthesis, Python and compilers on every node as here"
            )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        kept = dict(os.environ)
        os.environ |= OUT_OF_MEMORY
        if self.address is None:
            os.environ |= LOCAL
            if not os.environ.keys() & {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
                os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # for this run alone
        handlers = _handlers()
        import ray

        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if self.address is None:
                ray.init(
                    "local",
                    num_cpus=self.workers or usable_cores(),
                    include_dashboard=False,
                    object_store_memory=OBJECTS,
                    **quiet,
                )
            else:
                ray.init(self.address, **quiet)
            # Ray has put its own handlers in, which end this process with a dump of its stack.
            for number, handler in handlers:
                signal.signal(number, handler)
            yield ray
        finally:
            ray.shutdown()
            if self.address is None:  # its workers have been killed
                sweep(Path(tempfile.gettempdir()), 1.0)
            for name in os.environ.keys() - kept.keys():
                del os.environ[name]
            os.environ |= kept


def _handlers() -> list[tuple[int, Any]]:
    """What is done at signals that end this process, where this thread may set it."""
    if threading.current_thread() is not threading.main_thread():
        return []
    found = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    return [(number, handler) for number, handler in found if handler is not None]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Ray prints on stdout, a paragraph each, which workers have died. We say what comes of it."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _done(ray: Any, flying: list[Any]) -> list[Any]:
    """Those that are done; waits a while for the first."""
    done, _ = ray.wait(flying, num_returns=1, timeout=LOOK_S)
    # One more call for the others: with thousands in flight a call for each would be slow.
    return ray.wait(flying, num_returns=len(flying), timeout=0)[0] if done else []


class _Room:
    """How many shards may be in flight, as nodes come and go."""

    def __init__(self, ray: Any, workers: int | None) -> None:
        self.ray = ray
        self.workers = workers
        self.until = 0.0
        self.most = 0

    def now(self) -> int:
        """The number; with ``workers`` no more are made at once."""
        if time.monotonic() >= self.until:
            cores = int(self.ray.cluster_resources().get("CPU", 0))
            self.most = min(AHEAD * max(cores, 1), self.workers or sys.maxsize)
            self.until = time.monotonic() + COUNT_S
        return self.most


def _probe(address: str) -> None:
    """Refuse, with ValueError, a cluster that does not answer or does not want us.

    In a process of its own: where nothing answers Ray has its caller wait, then ends it.
    """
    told = f"no Ray cluster can be used at {address}"
    hint = "is it up, does a node of it run on this machine, is RAY_AUTH_TOKEN the same there?"
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, address],
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{told}: no answer within {ANSWER_S} s; {hint}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it ended"]
        raise ValueError(f"{told}: {lines[-1].rstrip('.')}; {hint}")


def _outcome(ray: Any, ref: Any, shard: Shard, job: Job) -> Record | Failure | Refused:
    """What came of a shard, for good."""
    died = ray.exceptions
    try:
        found = ray.get(ref)
    except (died.WorkerCrashedError, died.NodeDiedError, died.OutOfMemoryError) as error:
        reason = DIED[type(error).__name__]
        return Failure(f"{reason}, {RETRIES + 1} times", reason)
    except died.RayError as error:
        return failure(getattr(error, "cause", None) or error, shard, Store(job.url))
    return Refused(*found) if isinstance(found, tuple) else found


# What follows runs in Ray's workers.


def _carried() -> Callable[[bytes, bytes], Any]:
    """The task. Ray carries a function made in a function as code, not by its name: a node that
    lacks this package can say so.
    """

    def make(job: bytes, shard: bytes) -> Any:
        import ray

        try:
            from pipeline.scale.ray_engine import make_here
        except ImportError as error:
            node = ray.get_runtime_context().get_node_id()
            return node, ray.util.get_node_ip_address(), str(error)
        return make_here(job, shard)

    return make


_compilers: dict[str, extractors.Extractor] = {}  # of this process, warm from shard to shard


def make_here(job: bytes, shard: bytes) -> Record | Failure | Refused:
    """Make a shard in this process."""
    try:
        made: Job = pickle.loads(job)
        now = manifest(made.config, made.manifest["shard_rows"])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this node's installation
        return refused(one_line(error))
    if now != made.manifest:
        return refused(differences(made.manifest, now))
    name = made.config.name
    if name not in _compilers:
        _compilers[name] = extractors.Extractor(name)
    return made.attempt(pickle.loads(shard), _compilers[name])


def refused(reason: str) -> Refused:
    """This node's refusal."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    return Refused(node, ray.util.get_node_ip_address(), reason)
