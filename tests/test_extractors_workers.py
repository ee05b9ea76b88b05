"""The compile worker: crashes and hangs, odd parents, and that it never outlives one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from extractors import Extracted, Extractor, Job, Rejected, extract_job

TEXT = """@wp.kernel
def k(a: wp.array(dtype=float)):
    a[wp.tid()] = 1.0
"""
GOOD = Job("warp", TEXT, "k")
DEADLINE_S = 3.0

# A plain script, as users write them: no guard, so importing it again would run it again.
SCRIPT = f"""
print("started")
from extractors import Extractor, Job
job = Job("warp", {TEXT!r}, "k")
with Extractor("warp") as extractor:
    outcomes = extractor.extract([job] * 3)
print(*(type(o).__name__ for o in outcomes))
"""
EXPECTED = ["started", "Extracted Extracted Extracted"]


def bad(line: str) -> Job:
    return Job("warp", line + "\n" + TEXT, "k")


@pytest.fixture(scope="module")
def extractor():
    with Extractor("warp", deadline_s=DEADLINE_S) as made:
        yield made


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("import os; os._exit(0)", "worker died (exit code 0)"),
        ("import os; os._exit(3)", "worker died (exit code 3)"),
        ("import os; os.kill(os.getpid(), 11)", "worker died (signal 11)"),
        ("while True: pass", "no answer within 3 s"),
    ],
)
def test_only_the_guilty_job_is_rejected(extractor, line, reason):
    others = [Job("warp", TEXT.replace("1.0", f"{i}.0"), "k") for i in range(3)]
    outcomes = extractor.extract([*others[:2], bad(line), others[2]])
    assert outcomes[2] == Rejected("worker", reason)
    assert [*outcomes[:2], outcomes[3]] == [extract_job(job) for job in others]


def test_a_hang_that_holds_the_interpreter_is_ended(extractor):
    """A regular expression runs in C, where no Python thread or signal handler gets a turn."""
    outcomes = extractor.extract([GOOD, bad("import re; re.match('(a*)*b', 'a' * 64)")])
    assert isinstance(outcomes[0], Extracted)
    assert outcomes[1] == Rejected("worker", "no answer within 3 s")


def test_what_a_text_raises_or_prints_stays_in_the_worker(extractor, capfd):
    loud = bad("import os; print('noise'); os.write(1, b'noise')")
    outcomes = extractor.extract(
        [bad("raise KeyboardInterrupt"), loud, bad("1 / 0"), bad("exit(4)")]
    )
    assert [outcomes[0], *outcomes[2:]] == [
        Rejected("import", "KeyboardInterrupt"),
        Rejected("import", "ZeroDivisionError: division by zero"),
        Rejected("import", "SystemExit: 4"),
    ]
    assert isinstance(outcomes[1], Extracted)
    assert capfd.readouterr() == ("", "")


def test_a_worker_killed_between_jobs_is_replaced(extractor):
    extractor.extract([GOOD])
    os.kill(extractor._context.latest.pid, signal.SIGKILL)
    time.sleep(0.3)
    assert extractor.extract([GOOD, GOOD]) == [extract_job(GOOD)] * 2


def test_recycled_workers_answer_the_same():
    with Extractor("warp", recycle=4) as extractor:
        pids = set()
        for _ in range(4):
            assert extractor.extract([GOOD] * 3) == [extract_job(GOOD)] * 3
            pids.add(extractor._context.latest.pid)
    assert len(pids) == 2


def test_no_jobs_need_no_worker():
    with Extractor("warp") as extractor:
        assert extractor.extract([]) == []
        assert extractor._context.latest is None


def test_the_thread_that_starts_it_may_end(extractor):
    """Linux takes the end of the forking thread for the end of the parent."""
    with Extractor("warp") as made:
        thread = threading.Thread(target=made.extract, args=([GOOD],))
        thread.start()
        thread.join()
        pid = made._context.latest.pid
        time.sleep(0.3)
        assert isinstance(made.extract([GOOD])[0], Extracted)
        assert made._context.latest.pid == pid


def test_close_leaves_no_child_and_can_be_started_again(no_children_left):
    extractor = Extractor("warp")
    first = extractor.extract([GOOD])
    extractor.close()
    extractor.close()
    assert extractor.extract([GOOD]) == first
    extractor.close()


@pytest.mark.parametrize("how", ["file", "command", "module"])
def test_a_script_without_a_guard_runs_once(processes, tmp_path, how):
    path = tmp_path / "plain.py"
    path.write_text(SCRIPT)
    arguments = {"file": [path], "command": ["-c", SCRIPT], "module": ["-m", "plain"]}[how]
    done = processes.run(*arguments, cwd=tmp_path)
    assert done.stdout.splitlines() == EXPECTED, done.stderr
    assert done.stderr == ""
    processes.assert_none_left()


def test_code_from_stdin_runs_once():
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-"],
        input=SCRIPT,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == EXPECTED


def test_a_parent_that_forgets_to_close_ends_cleanly(processes, tmp_path):
    path = tmp_path / "careless.py"
    path.write_text(
        SCRIPT.replace("with Extractor", "extractor = Extractor")
        .replace(" as extractor:", "")
        .replace("    outcomes", "outcomes")
    )
    done = processes.run(path)
    assert done.stdout.splitlines() == EXPECTED, done.stderr
    assert done.stderr == ""
    processes.assert_none_left()


FORKED = """
import multiprocessing, os, sys
from extractors import Extractor, Extracted, Job

job = Job("warp", {text!r}, "k")
extractor = Extractor("warp")

def work(queue):
    queue.put([type(o).__name__ for o in extractor.extract([job, job])])

if sys.argv[1] == "used":
    extractor.extract([job])
context = multiprocessing.get_context("fork")
queue = context.Queue()
children = [context.Process(target=work, args=(queue,), daemon=True) for _ in range(2)]
for child in children:
    child.start()
answers = [queue.get(timeout=60) for _ in children]
for child in children:
    child.join(30)
print(answers, [child.exitcode for child in children])
print([type(o).__name__ for o in extractor.extract([job])])
"""


@pytest.mark.parametrize("state", ["fresh", "used"])
def test_daemonic_forks_have_workers_of_their_own(processes, tmp_path, state):
    path = tmp_path / "forked.py"
    path.write_text(FORKED.format(text=TEXT))
    done = processes.run(path, state)
    both = [["Extracted", "Extracted"]] * 2
    assert done.stdout.splitlines() == [f"{both} [0, 0]", "['Extracted']"], done.stderr
    processes.assert_none_left()


def test_the_forks_of_num_proc_can_compile(processes, tmp_path):
    pytest.importorskip("multiprocess")
    path = tmp_path / "forked.py"
    path.write_text(FORKED.format(text=TEXT).replace("multiprocessing", "multiprocess"))
    done = processes.run(path, "used")
    assert done.stdout.splitlines()[-1] == "['Extracted']", done.stderr
    processes.assert_none_left()


@pytest.mark.torch
def test_a_dataloader_worker_can_compile(processes, tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "loader.py"
    path.write_text(f"""
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from extractors import Extractor, Job

class Rows(IterableDataset):
    extractor = Extractor("warp")
    def __iter__(self):
        for i in range(get_worker_info().id, 6, 2):
            yield i, type(self.extractor.extract([Job("warp", {TEXT!r}, "k")])[0]).__name__

rows = list(DataLoader(Rows(), num_workers=2, batch_size=None))
print(sorted(tuple(row) for row in rows))
""")
    done = processes.run(path)
    assert done.stdout.splitlines() == [str([(i, "Extracted") for i in range(6)])], done.stderr
    processes.assert_none_left()


BUSY = f"""
import time
from extractors import Extractor, Job
with Extractor("warp") as extractor:
    extractor.extract([Job("warp", {TEXT!r}, "k")])
    print("ready", flush=True)
    extractor.extract([Job("warp", "import re; re.match('(a*)*b', 'a' * 64)", "k")])
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_with_its_parent_however_that_ends(processes, tmp_path, end):
    path = tmp_path / "busy.py"
    path.write_text(BUSY)
    process = processes.start(path)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    if end == signal.SIGINT:
        os.killpg(process.pid, end)  # as a terminal does
    else:
        process.send_signal(end)
    _, error = process.communicate(timeout=20)
    assert process.returncode != 0
    assert error.count("Traceback") == (1 if end == signal.SIGINT else 0), error
    processes.assert_none_left()


def test_bad_settings_are_errors():
    with pytest.raises(ValueError, match="unknown language 'tpu': choose from warp, jax"):
        Extractor("tpu")
    with pytest.raises(ValueError, match="deadline_s=0"):
        Extractor("warp", deadline_s=0)
    with pytest.raises(ValueError, match="unknown device 'tpu': choose from cpu, cuda, both"):
        Job("warp", TEXT, "k", device="tpu")


def test_settings_of_jax_do_not_reach_the_worker(monkeypatch):
    job = Job("jax", "def f(x):\n    return jnp.sin(x)", "f", (("float32", (8,)),))
    with Extractor("jax") as extractor:
        plain = extractor.extract([job])
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
    with Extractor("jax") as extractor:
        assert extractor.extract([job, job]) == plain * 2
