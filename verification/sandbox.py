"""A place for somebody else's code: no network, a scratch folder, limits on what it can use up.

With bubblewrap the code sees Python and its packages, read-only, its scratch folder and nothing
else of the machine. Without it the limits hold, the network is left where the system permits that,
and ``shortcomings`` says the rest.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from extractors.spawning import PACKAGE_ROOT
from verification.keeper import BEYOND

KEEPER = Path(__file__).with_name("keeper.py")
ANSWER_BYTES = 1 << 28
POLL_S = 0.2
END_S = 30.0
THREADS = 2048  # beside those that the user runs already
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix", "/gnu")
SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime")
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ")  # of the environment


class SandboxError(Exception):
    """No answer came out of the sandbox; it is ended. The text is the reason, one line."""


@dataclass(frozen=True)
class Limits:
    """What the processes of one sandbox may use together; memory and disk in MB."""

    memory: int = 4096
    processes: int = 32
    disk: int = 1024


class Sandbox:
    """A command under ``limits`` that is asked a line at a time and answers each with a line.

    Nothing of it outlives ``close``, which ends it at once. For one thread, which must outlive it.
    """

    def __init__(self, command: Sequence[str], limits: Limits) -> None:
        self.scratch = tempfile.mkdtemp(prefix="jit-synthesis-sandbox-")
        for name in ("tmp", "shm"):
            Path(self.scratch, name).mkdir()
        self._rest = b""
        try:
            self._process = subprocess.Popen(
                confined(command, limits, self.scratch),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.scratch,
                env=_environment(self.scratch),
                bufsize=0,
                start_new_session=True,
            )
        except BaseException:
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)  # pyright: ignore

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, line: bytes, limit_s: float, stop: threading.Event | None = None) -> bytes:
        """Send a line and return the next that comes back.

        Raises SandboxError, the sandbox closed, when it ends or takes over ``limit_s`` seconds, or
        ``stop`` is set meanwhile.
        """
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        left = memoryview(line + b"\n")
        end = time.monotonic() + limit_s
        while b"\n" not in self._rest:
            if time.monotonic() > end:
                raise self._failed(f"no answer within {limit_s:g} s")
            if (stop is not None and stop.is_set()) or len(self._rest) > ANSWER_BYTES:
                raise self._failed("stopped" if len(self._rest) <= ANSWER_BYTES else "no end of it")
            readable, writable, _ = select.select([out], [into] if left else [], [], POLL_S)
            try:
                if writable:
                    left = left[os.write(into.fileno(), left[: select.PIPE_BUF]) :]
                if readable:
                    part = os.read(out.fileno(), 1 << 20)
                    if not part:
                        raise self._failed("")
                    self._rest += part
            except BrokenPipeError:
                raise self._failed("") from None
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer

    def close(self) -> None:
        """End all processes of the sandbox and remove its scratch folder."""
        process = self._process
        if process.poll() is None:
            process.terminate()  # bubblewrap's end is that of all; the keeper ends them in turn
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
        with contextlib.suppress(OSError):
            os.killpg(process.pid, 9)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _failed(self, reason: str) -> SandboxError:
        if not reason:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
            code = self._process.poll()
            beyond = BEYOND.get(code) if code else None
            reason = f"over its limit on {beyond}" if beyond else f"ended (exit code {code})"
        self.close()
        return SandboxError(reason)


def confined(command: Sequence[str], limits: Limits, scratch: str) -> list[str]:
    """``command`` with all that keeps it in its place before it."""
    python = [sys.executable, "-I", str(KEEPER)]
    keeper = [f"--memory={limits.memory}", f"--processes={limits.processes}"]
    keeper += [f"--disk={limits.disk}", f"--scratch={scratch}", f"--threads={_threads()}"]
    wrapped = bubblewrap()
    if isinstance(wrapped, str):
        return [*wrapping(wrapped, scratch), *python, *keeper, "--", *command]
    keeper += [f"--parent={os.getpid()}", *(["--leave-network"] if leaves_network() else [])]
    return [*python, *keeper, "--", *command]


def wrapping(program: str, scratch: str) -> list[str]:
    """The call of bubblewrap, up to the command."""
    words = [program, "--unshare-all", "--die-with-parent", "--new-session"]
    words += ["--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for place in (*SYSTEM, *SETTINGS):
        words += ["--ro-bind-try", place, place]
    for place in python_places():
        words += ["--ro-bind", place, place]
    words += ["--bind", scratch, scratch, "--bind", f"{scratch}/shm", "/dev/shm"]
    for place in ("/dev", "/tmp", "/"):
        words += ["--remount-ro", place]
    return [*words, "--chdir", scratch]


def python_places() -> list[str]:
    """Folders that this Python and its packages are in, without those inside another of them."""
    home = Path.home().resolve()
    asked = [sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(sys.executable).parent)]
    asked += [*sysconfig.get_paths().values(), *site.getsitepackages(), PACKAGE_ROOT]
    asked += [str(Path(sys.executable).resolve().parent)]
    asked += [entry for entry in sys.path if entry != str(Path.cwd())]
    found: list[str] = []
    for place in sorted({str(Path(each).absolute()) for each in asked if each}, key=len):
        inside = any(Path(place).is_relative_to(outer) for outer in (*SYSTEM, *found))
        if Path(place).exists() and not inside and not home.is_relative_to(Path(place).resolve()):
            found.append(place)
    return found


def _environment(scratch: str) -> dict[str, str]:
    """Nothing of the user's own; no GPU, and caches in the scratch folder."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join(str(Path(e).absolute()) for e in _python_path())
    return kept | {
        "PATH": "/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": f"{scratch}/tmp",
        "XDG_CACHE_HOME": f"{scratch}/tmp",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": path,
    }


def _python_path() -> list[str]:
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


@functools.cache
def bubblewrap() -> str | Exception:
    """The program's path when it works here, else why not."""
    program = shutil.which("bwrap")
    if program is None:
        return FileNotFoundError("bubblewrap is not installed (apt install bubblewrap)")
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "shm").mkdir()
        command = [*wrapping(program, scratch), sys.executable, "-I", "-c", ""]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return program
    why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return OSError(f"bubblewrap does not work here ({why})")


@functools.cache
def leaves_network() -> bool:
    """Whether a process may give up the network without bubblewrap's help."""
    trial = [sys.executable, "-I", str(KEEPER), "--leave-network"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def shortcomings() -> str:
    """One line on what the sandbox lacks on this machine; empty where it is whole."""
    wrapped = bubblewrap()
    if isinstance(wrapped, str):
        return ""
    network = "without network" if leaves_network() else "with network"
    return (
        f"{wrapped}: the file's code runs with limits on time, memory and processes, {network}, "
        "but it can read and write your files"
    )


def _threads() -> int:
    """How many threads the user may have in all; 0, no limit, for root, who has none."""
    if not hasattr(os, "getuid") or os.getuid() == 0:
        return 0
    running = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid():
                running += sum(1 for _ in (folder / "task").iterdir())
    return running + THREADS
