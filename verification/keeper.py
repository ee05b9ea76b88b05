"""First process of a sandbox: starts a command under limits and ends all of it beyond them.

A script of its own, ``python -I keeper.py OPTIONS -- COMMAND``, importing nothing heavy. It is run
inside bubblewrap, or by itself where that is missing. Ends with the command's exit code, or one of
``BEYOND``.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

BEYOND = {70: "memory", 71: "processes", 72: "disk"}  # exit codes for what was too much
MEMORY, PROCESSES, DISK = BEYOND
POLL_S = 0.2
FILE_BYTES = 1 << 28  # of one file
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def leave_network() -> bool:
    """Enter a network namespace with nothing in it; False where that is not permitted."""
    if sys.platform != "linux":
        return False
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if user == 0:
        return libc.unshare(CLONE_NEWNET) == 0
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        return False
    with contextlib.suppress(OSError):  # else the user is "nobody" in there, which does as well
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def _children(pid: int) -> Iterator[int]:
    """All that descends from a process."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _children(child)


def _megabytes(pid: int) -> float:
    """Memory that is a process's own: not its program and libraries."""
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1])
    return total / 1024


def _disk_megabytes(folder: str) -> float:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_blocks
    return total / 2048


def _too_much(options: argparse.Namespace) -> int:
    """Which of ``BEYOND`` has happened, 0 for none."""
    # No more than needed of what may grow faster than it is counted.
    found = set(islice(_children(os.getpid()), options.processes + 1))
    if len(found) > options.processes:
        return PROCESSES
    if sum(map(_megabytes, found)) > options.memory:
        return MEMORY
    return DISK if _disk_megabytes(options.scratch) > options.disk else 0


def _end_all() -> None:
    """Kill what descends from here until nothing does: a process may start others meanwhile."""
    while found := set(_children(os.getpid())):
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _limit(options: argparse.Namespace) -> None:
    """Limits that the kernel watches over, inherited by all that is started."""
    wanted = {
        resource.RLIMIT_DATA: options.memory << 20,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    if options.threads:
        wanted[resource.RLIMIT_NPROC] = options.threads
    for which, value in wanted.items():
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (value, value))


def main(arguments: list[str]) -> int:
    """Run the command; its exit code, or which limit it went beyond."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=int, help="MB, of all processes together")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--threads", type=int, help="of the user, on the whole machine; 0: any")
    parser.add_argument("--disk", type=int, help="MB in the scratch folder")
    parser.add_argument("--scratch")
    parser.add_argument("--leave-network", action="store_true")
    parser.add_argument("--parent", type=int, default=0, help="end when it does")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args(arguments)
    if options.leave_network and not leave_network():
        print("no network namespace of its own", file=sys.stderr)
        if not options.command:
            return 1
    if not options.command:  # a trial
        return 0
    watched = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # nothing escapes by losing its parent
        if options.parent:  # not before leaving the network, which would undo it
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != options.parent:
                return 1
    _limit(options)
    child = subprocess.Popen(
        options.command,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, watched),
        process_group=0,
    )
    for inherited in (0, 1):  # the command's alone: who reads is to see it end
        os.close(inherited)
    beyond = 0
    while child.poll() is None and not beyond:
        if _wait(watched) == signal.SIGTERM:
            break
        _reap(child.pid)
        beyond = _too_much(options)
    code = child.returncode
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)  # at once, however fast they multiply
    if options.parent:  # in bubblewrap all that is left ends with this process
        _end_all()
    return beyond or (1 if code is None or code < 0 else code)


def _wait(watched: set[signal.Signals]) -> int:
    """Wait for a signal or a while; the signal's number, 0 for none."""
    if not hasattr(signal, "sigtimedwait"):  # macOS
        time.sleep(POLL_S)
        return 0
    received = signal.sigtimedwait(watched, POLL_S)
    return received.si_signo if received else 0


def _reap(but: int) -> None:
    """Take note of the end of orphans that came to this process, not of its own child's."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in (0, but):
                break
            os.waitpid(ended.si_pid, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
