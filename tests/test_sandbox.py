"""The sandbox by itself: what gets out of it, what it uses up, and what is left when it ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from conftest import Processes, wait_until

from verification import sandbox
from verification.keeper import BEYOND
from verification.sandbox import Limits, Sandbox, SandboxError

SERVE = """
import os, sys
for line in sys.stdin:
    try:
        exec(line.strip().replace("\\\\n", "\\n"))
        answer = globals().get("answer", "nothing")
    except BaseException as error:
        answer = f"{type(error).__name__}: {error}"
    print(str(answer).replace("\\n", " "), flush=True)
"""
LIMITS = Limits(memory=512, processes=8, disk=64)


@pytest.fixture(params=["bubblewrap", "without"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "without":
        missing = FileNotFoundError("bubblewrap is not installed")
        monkeypatch.setattr(sandbox, "bubblewrap", lambda: missing)
    elif not isinstance(sandbox.bubblewrap(), str):
        pytest.skip(str(sandbox.bubblewrap()))
    return request.param


def ask(code: str, limit_s: float = 60, **limits: int) -> str:
    """What a process in a sandbox answers to a few lines of Python."""
    with Sandbox([sys.executable, "-c", SERVE], Limits(**vars(LIMITS) | limits)) as box:
        line = textwrap.dedent(code).strip().replace("\n", "\\n")
        return box.ask(line.encode(), limit_s).decode()


def failure(code: str, limit_s: float = 60, **limits: int) -> str:
    with pytest.raises(SandboxError) as caught:
        ask(code, limit_s, **limits)
    return str(caught.value)


def test_answers_line_by_line(kind):
    with Sandbox([sys.executable, "-c", SERVE], LIMITS) as box:
        assert box.ask(b"answer = 6 * 7", 60) == b"42"
        long = b"answer = len('" + b"x" * 500_000 + b"')"
        assert box.ask(long, 60) == b"500000"
        assert len(box.ask(b"answer = 'y' * 3_000_000", 60)) == 3_000_000


def test_nothing_of_the_user_is_told(kind, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    found = ask("answer = dict(os.environ)")
    assert "SECRET_TOKEN" not in found
    assert "jit-synthesis-sandbox-" in ask("answer = os.environ['HOME']")
    assert "jit-synthesis-sandbox-" in ask("answer = os.getcwd()")


def test_writes_to_its_scratch_folder_only(kind, tmp_path):
    assert ask("open('here', 'w').write('x')\nanswer = os.listdir('.')").count("here") == 1
    if kind == "without":
        return
    for place in (tmp_path / "there", Path.home() / "jit_synthesis_there", Path("/usr/there")):
        said = ask(f"open({str(place)!r}, 'w').write('x')")
        assert said.startswith(("OSError", "FileNotFoundError", "PermissionError")), said
        assert not place.exists()


def test_sees_no_files_of_the_user(kind, tmp_path):
    if kind == "without":
        assert "can read and write your files" in sandbox.shortcomings()
        return
    assert sandbox.shortcomings() == ""
    secret = tmp_path / "secret"
    secret.write_text("abc")
    assert "No such file" in ask(f"answer = open({str(secret)!r}).read()")


def test_has_no_network(kind):
    if kind == "without" and not sandbox.leaves_network():
        assert "with network" in sandbox.shortcomings()
        pytest.skip("no network namespaces here")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()  # from here it can be reached
        listener.accept()[0].close()
        code = (
            f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\nanswer = 'through'"
        )
        assert "Error" in ask(code)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_limits_are_kept(kind):
    assert "MemoryError" in ask("answer = len(bytearray(10**9))")
    forks = "import time\nfor i in range(20):\n    if os.fork() == 0: time.sleep(600)"
    assert failure(forks + "\ntime.sleep(600)") == "over its limit on processes"
    bomb = "import time\nwhile time.sleep(0.002) is None: os.fork()"  # tests run beside it
    assert failure(bomb) == "over its limit on processes"
    each = "held = b'x' * (150 << 20)\nimport time"
    many = f"{each}\nfor i in range(4):\n    if os.fork() == 0:\n        held = b'y' * (150 << 20)"
    assert (
        failure(many + "\n        time.sleep(600)\ntime.sleep(600)") == "over its limit on memory"
    )
    files = "for i in range(200): open(str(i), 'wb').write(b'x' * 10**6)\nimport time"
    assert failure(files + "\ntime.sleep(600)") == "over its limit on disk"
    assert set(BEYOND.values()) == {"memory", "processes", "disk"}


def test_what_loops_is_ended(kind):
    assert failure("while True: pass", limit_s=1) == "no answer within 1 s"
    assert failure("os._exit(3)") == "ended (exit code 3)"
    assert failure("os.kill(os.getpid(), 9)").startswith("ended (exit code ")


def test_stops_when_asked(kind):
    stop = threading.Event()
    with Sandbox([sys.executable, "-c", SERVE], LIMITS) as box:
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(SandboxError, match="stopped"):
            box.ask(b"import time; time.sleep(600)", 600, stop)


def test_nothing_is_left(kind):
    mark = f"left-by-{os.getpid()}-{kind}"
    orphan = f"""
        import subprocess
        for i in range(2):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", {mark!r}],
                             start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            os._exit(0)
    """
    with Sandbox([sys.executable, "-c", SERVE], LIMITS) as box:
        box.ask(textwrap.dedent(orphan).strip().replace("\n", "\\n").encode(), 60)
        # Popen returns as soon as the program is taken, which is before its words can be read.
        wait_until(lambda: len(running(mark)) == 2, "the orphans did not start")
    wait_until(lambda: not running(mark), "processes are left")
    assert not Path(box.scratch).exists()


def running(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(folder.name)
    return found


def test_ends_with_its_parent(kind, processes: Processes):
    mark = f"orphan-of-{os.getpid()}-{kind}"
    without = "sandbox.bubblewrap = lambda: OSError('none')" if kind == "without" else ""
    script = f"""
import sys
from verification import sandbox
{without}
sleep = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)", {mark!r}]
box = sandbox.Sandbox(sleep, sandbox.Limits())
box.ask(b"", 60)
print(box.scratch, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    scratch = parent.stdout.readline().strip()
    assert running(mark)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not running(mark), "the sandbox outlives its parent")
    for name in ("tmp", "shm", ""):
        Path(scratch, name).rmdir()


def test_says_why_bubblewrap_does_not_work(monkeypatch, tmp_path):
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sandbox.bubblewrap.cache_clear()
    try:
        assert "does not work here (bwrap: No permissions" in sandbox.shortcomings()
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        sandbox.bubblewrap.cache_clear()
        assert sandbox.shortcomings().startswith("bubblewrap is not installed")
    finally:
        sandbox.bubblewrap.cache_clear()
