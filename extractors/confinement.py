"""What a worker process does first: it binds itself to its parent, to silence and to a limit."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from filelock import FileLock

from .scratch import PREFIX, take
from .toolchain import NEEDS

COLLECT = (20_000, 20, 20)  # objects until a collection; a kernel makes some ten thousand
_lock: FileLock | None = None  # of this worker's scratch folder, held while it runs


def begin(language: str, parent: int, memory_mb: float) -> None:
    """Prepare the worker: end with the parent, print to nowhere, import the compiler, limit it."""
    end_with_parent(parent)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Pebble's handler waits for the compiler
    # Compilers print banners and users' texts print what they like: none of it is the parent's.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    needed = NEEDS[language]
    if "warp-lang" in needed:
        from .warp_codegen import be_quiet

        be_quiet()  # first: its cache is kept, beside the folder that is not
    _take_scratch_folder()
    if "jax" in needed:
        # Texts are for the CPU and the same everywhere, whatever the user's settings are.
        for name in [n for n in os.environ if n.startswith(("JAX_", "XLA_", "PJRT_"))]:
            del os.environ[name]
        from .jax_compiler import take_short_way

        take_short_way()
    # What was imported stays: to look through it again and again would cost a twentieth of all.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    limit_memory(memory_mb)


def scratch_folder(pid: int) -> Path:
    """Where a worker's compilers leave what they leave, beside its parent's temporary files."""
    return Path(tempfile.gettempdir()) / f"{PREFIX}worker_{pid}"


def _take_scratch_folder() -> None:
    """Have temporary files in a folder that whoever ends this worker removes, or the next one.

    Warp leaves a precompiled header of 4 MB, XLA half a dump: a worker ends without tidying up.
    """
    global _lock
    folder = scratch_folder(os.getpid())
    with contextlib.suppress(OSError):  # a full disk: compilers will say what they need
        _lock = take(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def limit_memory(memory_mb: float) -> None:
    """Let this process take so much data beyond what it has now, which grows with the cores."""
    if sys.platform != "linux":
        return
    import resource

    held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    # Address space is no measure: compilers reserve far more of it than they use.
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    set_already = [limit for limit in limits if limit != resource.RLIM_INFINITY]
    soft = min([held + round(memory_mb * 1e6), *set_already])
    resource.setrlimit(resource.RLIMIT_DATA, (soft, limits[1]))


def end_with_parent(parent: int) -> None:
    """End this process when ``parent`` ends, by whatever means."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.name != "posix":
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="jit-synthesis-watch", daemon=True).start()
