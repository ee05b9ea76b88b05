"""``jit-synthesis verify``: our files hold, one changed character shows, bad rows stay alone."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import Processes, wait_until

import generators
from jit_synthesis import CONFIGS, JitSynthesisConfig
from pipeline import cli, foreign_rows, verify
from pipeline.export import export
from verification import sandbox
from verification.plain import is_plain

COPY = """{before}@wp.kernel
def copied(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
{body}
"""
JAX_COPY = """{before}def copied(x):
{body}
    return x + 1.0
"""


def run(capsys, *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main(["verify", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def differences(capsys, *arguments: str | Path) -> list[dict[str, Any]]:
    """What is found to differ, where something is."""
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 1, err
    return [json.loads(line) for line in out.splitlines()]


def rows_of(folder: Path, config: str, count: int = 3, **options: Any) -> list[dict[str, Any]]:
    path = folder / "rows.jsonl"
    chosen = JitSynthesisConfig(config, num_train=count, num_validation=0, num_test=0, **options)
    export(chosen, "train", path, workers=1, overwrite=True)
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("ours")
    return {config: rows_of(folder, config) for config in CONFIGS}


@pytest.mark.parametrize("config", CONFIGS)
def test_parquet_of_ours_holds(capsys, tmp_path, config):
    path = tmp_path / "rows.parquet"
    chosen = JitSynthesisConfig(config, num_train=0, num_validation=8, num_test=0, extended=True)
    export(chosen, "validation", path, workers=1)
    code, out, err = run(capsys, path)
    assert (code, out) == (0, ""), out + err
    assert "8 rows verified: 8 compiled to the same texts, 8 ran" in err


def test_every_choice_of_options_is_recognised(capsys, tmp_path, ours):
    made = [
        *ours["warp"],
        *rows_of(tmp_path, "warp", mode="forward"),
        *rows_of(tmp_path, "warp", mode="backward", device="cuda"),
        *rows_of(tmp_path, "warp", preamble=True, device="cpu"),
        *rows_of(tmp_path, "paired", mode="forward", preamble=True),
        *rows_of(tmp_path, "paired", mode="backward", device="cpu"),
        *rows_of(tmp_path, "jax", mode="forward"),
        *rows_of(tmp_path, "jax", mode="backward"),
        *rows_of(tmp_path, "stablehlo", mode="both"),
        *rows_of(tmp_path, "stablehlo", mode="backward", device="cuda"),
        *rows_of(tmp_path, "stablehlo", device="cpu"),
    ]
    code, out, err = run(capsys, write(tmp_path / "all.jsonl", made))
    assert (code, out) == (0, ""), out + err
    assert f"{len(made)} rows verified" in err


def changed(row: dict[str, Any], column: str) -> dict[str, Any]:
    """A row with one character of a text replaced, near its end."""
    text = row[column]
    place = max(i for i, c in enumerate(text) if c.isalpha())
    other = "x" if text[place] != "x" else "y"
    return row | {column: text[:place] + other + text[place + 1 :]}


def test_one_changed_character_shows(capsys, tmp_path, ours):
    warp, jax, paired = ours["warp"], ours["jax"], ours["paired"]
    rows = [warp[0], changed(warp[1], "cpp"), changed(warp[1], "cuda")]
    rows += [warp[1] | {"fingerprint": "0" * 32}, warp[1] | {"structure": "0" * 32}]
    rows += [jax[0], *(changed(jax[1], column) for column in ("hlo_forward", "hlo_optimized"))]
    rows += [changed(paired[1], "hlo_backward"), paired[2], changed(ours["stablehlo"][0], "cpp")]
    rows += [jax[2] | {"python": jax[2]["python"].replace("return ", "return 2 * ", 1)}]
    found = differences(capsys, write(tmp_path / "rows.jsonl", rows))
    assert {(one["row"], one["stage"]) for one in found} == {
        (row, "compare") for row in (2, 3, 4, 5, 7, 8, 9, 11, 12)
    }
    by_row = {one["row"]: one["what"] for one in found}
    lines = warp[1]["cpp"].splitlines()
    last = max(i for i, line in enumerate(lines, 1) if any(map(str.isalpha, line)))
    assert by_row[2].startswith(f"cpp, line {last}: ")
    assert by_row[4].startswith("fingerprint: ")
    assert by_row[8].startswith("hlo_optimized, line ")
    assert any(one["what"].startswith("hlo_forward, line ") for one in found if one["row"] == 12)


def test_the_table_and_the_last_lines(capsys, tmp_path, ours):
    evil = ours["warp"][0] | {"id": "\x1b[31mred[bold]", "cuda": "\x1b]0;title\x07" + "x" * 500}
    path = write(tmp_path / "rows.jsonl", [ours["warp"][1], evil])
    code, out, err = run(capsys, path, "--workers", 1)
    assert code == 1
    assert "\x1b]" not in out + err
    assert "red[bold]" in out.replace("\n", "")
    assert "compare" in out
    assert "2 rows, 1 differ: 1 compiled to the same texts, 2 ran" in err
    assert "warp 1.19" in err
    assert len(out) < 3000


def warp_copy(row: dict[str, Any], before: str = "", body: str = "    y[i] = x[i]") -> dict:
    inputs = [
        {"name": name, "role": role, "dtype": dtype, "shape": [8], "low": 0.0, "high": high}
        for name, role, dtype, high in (
            ("x", "input", "float32", 1.0),
            ("y", "output", "float32", 0.0),
            ("launch", "launch", "int32", 0.0),
        )
    ]
    python = COPY.format(before=before, body=body)
    return row | {"python": python, "kernel_name": "copied", "inputs": inputs}


def jax_copy(row: dict[str, Any], before: str = "", body: str = "    x = x * 2.0") -> dict:
    shape = {"dtype": "float32", "shape": [8], "low": 0.0, "high": 1.0}
    python = JAX_COPY.format(before=before, body=body)
    inputs = [{"name": "x", "role": "input"} | shape]
    return row | {"python": python, "kernel_name": "copied", "inputs": inputs}


LOOP = """    y[i] = 1.0
    while y[i] > 0.0:
        y[i] = y[i] + x[i] + 1.0"""
JAX_LOOP = """    x = jax.lax.while_loop(lambda v: v.sum() > -1.0, lambda v: jnp.abs(v), x)"""
SPIN = "    while True:\n        pass"


def test_what_rows_do_stays_with_them(capsys, tmp_path, ours):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0)
    port = listener.getsockname()[1]
    outside = [
        tmp_path / "there",
        Path.home() / f"jit-synthesis-{os.getpid()}",
        Path("/tmp/there1"),
    ]
    writes = "".join(f"try:\n    open({str(p)!r}, 'w')\nexcept OSError: pass\n" for p in outside)
    warp, jax = ours["warp"], ours["jax"]
    bad: list[tuple[str, str, Any]] = [
        ("worker", "no answer within", warp_copy(warp[0], before="while True: pass\n")),
        ("run", "no answer within", warp_copy(warp[0], body=LOOP)),
        ("worker", "worker died", warp_copy(warp[0], before="import os\nos._exit(0)\n")),
        ("compare", "", warp_copy(warp[0], before=writes)),
        ("import", "Error", warp_copy(warp[0], before="open('/usr/there', 'w')\n")),
        ("compare", "", warp_copy(warp[0], before="print('row' * 9)\n")),
        (
            "import",
            "Error",
            warp_copy(
                warp[0],
                before=f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\n",
            ),
        ),
        (
            "sandbox",
            "over its limit on ",  # processes, or the memory of all of them
            warp_copy(
                warp[0], before="import os, time\nwhile time.sleep(0.01) is None: os.fork()\n"
            ),
        ),
        ("worker", "out of memory", warp_copy(warp[0], before="b = bytearray(10**11)\n")),
        ("import", "SyntaxError", warp[0] | {"python": "Dear reader, this is a letter."}),
        ("import", "no kernel", warp[0] | {"python": "x = 1\n"}),
        ("worker", "no answer within", jax_copy(jax[0], body=SPIN)),
        ("run", "no answer within", jax_copy(jax[0] | {"hlo_backward": ""}, body=JAX_LOOP)),
        ("import", "NameError", jax_copy(jax[0], before="nothing()\n")),
    ]
    if not isinstance(sandbox.bubblewrap(), str):
        bad = [row for row in bad if "there" not in str(row) and "socket" not in str(row)]
    rows = [warp[1], *(row for _, _, row in bad), warp[2], jax[1], jax[2]]
    path = write(tmp_path / "rows.jsonl", rows)
    code, out, err = run(capsys, path, "--deadline", 5, "--memory", 2048, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1, err
    assert {one["row"] for one in found} == set(range(2, len(bad) + 2)), err
    for number, (stage, what, _) in enumerate(bad, 2):
        mine = [one for one in found if one["row"] == number]
        assert any(one["stage"] == stage and what in one["what"] for one in mine), (number, mine)
    assert f"{len(rows)} rows, {len(bad)} differ: 4 compiled to the same texts" in err
    assert "do more than define a kernel" in err
    with listener, pytest.raises(BlockingIOError):
        listener.accept()
    if isinstance(sandbox.bubblewrap(), str):
        assert not any(place.exists() for place in outside)


def test_without_bubblewrap_that_is_said_and_limits_hold(capsys, tmp_path, ours, monkeypatch):
    missing = FileNotFoundError("bubblewrap is not installed (apt install bubblewrap)")
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: missing)
    spawn = "import os, time\nfor i in range(99):\n    if os.fork() == 0: time.sleep(600)\n"
    rows = [ours["warp"][0], warp_copy(ours["warp"][0], before=spawn), ours["warp"][1]]
    code, out, err = run(capsys, write(tmp_path / "rows.jsonl", rows), "--json", "--workers", 1)
    assert code == 1
    assert err.startswith("jit-synthesis: bubblewrap is not installed")
    [found] = [json.loads(line) for line in out.splitlines()]
    assert (found["row"], found["what"]) == (2, "over its limit on processes")


def test_a_row_cannot_speak_for_others(capsys, tmp_path, ours):
    """A text that patches the compiler is by itself; the row after it is compiled as ever."""
    warp = ours["warp"]
    patch = "import extractors.jobs as j\nj.extract_job = None\nwp.sin = wp.cos\n"
    rows = [changed(warp[1], "cpp"), warp[0] | {"python": patch + warp[0]["python"]}, *warp]
    found = differences(capsys, write(tmp_path / "rows.jsonl", rows), "--workers", 1)
    assert 1 in {one["row"] for one in found}
    assert {one["row"] for one in found} <= {1, 2}


# Reading.


def test_rows_that_cannot_be_read(capsys, tmp_path, ours):
    good = ours["warp"][0]
    launch = good["inputs"][-1]
    huge = launch | {"shape": [2**20, 2**20]}
    cases: list[tuple[Any, str]] = [
        ("{not json", "not JSON"),
        ("[1, 2]", "not a JSON object but list"),
        ("[" * 100_000, "not JSON"),
        ({k: v for k, v in good.items() if k != "python"}, "no python in it"),
        (good | {"python": None}, "no python in it"),
        (good | {"python": 3}, "python is not text but int"),
        (good | {"python": "x" * 2_000_000}, "python has 2000000 characters"),
        (good | {"python": "\ud800"}, "python is not Unicode"),
        (good | {"kernel_name": "a; b"}, "kernel_name 'a; b' is not a name"),
        (good | {"cpp": "", "cuda": None}, "no compiled text in cpp, cuda"),
        (good | {"inputs": None}, "inputs is not a list of structs"),
        (good | {"inputs": [3]}, "inputs is not a list of structs"),
        (good | {"inputs": [launch | {"role": "evil"}]}, "role is not one of input, output"),
        (good | {"inputs": [launch | {"dtype": "a.b"}]}, "dtype 'a.b' is not a dtype"),
        (good | {"inputs": [launch | {"shape": [-1]}]}, "shape is not a list of sizes"),
        (good | {"inputs": [launch | {"low": float("nan")}]}, "low and high are not finite"),
        (good | {"inputs": [huge]}, "more than 67108864 elements"),
        (json.dumps(good)[:-200], "not JSON"),  # the last line, cut short
    ]
    path = write(tmp_path / "rows.jsonl", [case for case, _ in cases])
    path.write_bytes(path.read_bytes()[:-1])
    found = differences(capsys, path)
    assert [(one["row"], one["stage"]) for one in found] == [
        (number, "read") for number in range(1, len(cases) + 1)
    ]
    for one, (_, what) in zip(found, cases, strict=True):
        assert what in one["what"]


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda path: path.write_text(""), 1, "holds no rows"),
        (lambda path: path.write_text("\n\n"), 1, "holds no rows"),
        (lambda path: path.write_bytes(b"PAR1" + b"x" * 100), 1, "cannot be read as Parquet"),
        (lambda path: path.mkdir(), 2, "is not a file"),
        (lambda path: None, 2, "is not a file"),
    ],
)
def test_files_that_hold_nothing(capsys, tmp_path, make: Callable, code, message):
    path = tmp_path / "rows.jsonl"
    make(path)
    found, out, err = run(capsys, path)
    assert (found, out) == (code, "")
    assert message in err
    assert str(path) in err.replace("\n", "")


def test_parquet_cut_short_or_damaged(capsys, tmp_path, ours):
    path = tmp_path / "rows.parquet"
    chosen = JitSynthesisConfig("warp", num_train=3, num_validation=0, num_test=0)
    export(chosen, "train", path, workers=1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    code, out, err = run(capsys, path)
    assert (code, out) == (1, "")
    assert f"{path} cannot be read as Parquet, is it cut short?" in err
    assert len(err.splitlines()) <= 2
    path.write_bytes(whole)
    table = pq.read_table(path)
    pq.write_table(table, path, row_group_size=1, compression="zstd")
    column = pq.ParquetFile(path).metadata.row_group(1).column(2)
    data = bytearray(path.read_bytes())
    start = column.dictionary_page_offset + 40
    data[start : start + 60] = bytes(60)
    path.write_bytes(data)
    rows = list(foreign_rows.read_rows(path))
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.columns is None for row in rows] == [False, True, False]
    assert "rows 2 to 2 cannot be read" in rows[1].unreadable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--deadline", "0"], "--deadline 0 must be more than 0"),
        (["--deadline", "nan"], "--deadline nan must be more than 0"),
        (["--memory", "10"], "--memory 10 must be 1024 or more"),
        (["--workers", "0"], "workers=0 must be 1 or more"),
        (["--config", "cuda"], "unknown config 'cuda': choose from warp, jax"),
    ],
)
def test_bad_options(capsys, tmp_path, options, message):
    path = write(tmp_path / "rows.jsonl", ["{}"])
    code, _, err = run(capsys, path, *options)
    assert code == 2
    assert message in err


def test_rows_of_a_user_are_compiled_and_not_run(capsys, tmp_path):
    source = tmp_path / "mine.py"
    source.write_text(
        "import warp as wp\n\n@wp.kernel\ndef doubled(a: wp.array(dtype=float)):\n"
        "    i = wp.tid()\n    a[i] = a[i] * 2.0\n"
    )
    assert cli.main(["extract", str(source), "--output", str(tmp_path / "mine.jsonl")]) == 0
    code, out, err = run(capsys, tmp_path / "mine.jsonl", "--workers", 1)
    assert (code, out) == (0, ""), out + err
    assert "1 rows verified: 1 compiled to the same texts, 0 ran" in err
    assert "1 were not run: their inputs name no interval" in err


# Parts.


def test_all_that_is_generated_is_plain():
    for language in generators.LANGUAGES:
        for index in range(300):
            kernel = generators.generate(language, 1, index, extended=True)
            assert is_plain(kernel.python), kernel.python
            assert not kernel.twin or is_plain(kernel.twin), kernel.twin


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "def f(x):\n    import os\n    return x",
        "def f(x):\n    return open('f')",
        "def f(x):\n    return x.__class__",
        "def f(x):\n    return __builtins__",
        "def f(x):\n    return jnp.save('f', x)",
        "def f(x):\n    return jax.pure_callback(f, x, x)",
        "def f(x):\n    return jax.debug.print('x')",
        "def f(x):\n    return jax._src",
        "jax.config.update('jax_enable_x64', True)",
        "jnp.sin = jnp.cos",
        "wp.config.quiet = False",
        "w = wp",
        "def f(x, lib=jax):\n    return lib",
        "def f(jnp):\n    return jnp.x",
        "while True:\n    pass",
        "for i in range(9):\n    pass",
        "def f(x):\n    global y\n    y = x",
        "@wp.func_native('system(0);')\ndef f(x: int):\n    ...",
        "def f(:",
        "x" + "(" * 500,
    ],
)
def test_what_is_not_plain(text):
    assert not is_plain(text)


def test_the_first_difference_is_shown_from_where_it_is():
    assert verify.first_difference("a\nb\nc", "a\nx\nc") == "line 2: b | here: x"
    assert verify.first_difference("a\n", "a") == "line 2: '' | here: no such line"
    long = "x" * 200
    said = verify.first_difference(f"{long}1{long}", f"{long}2{long}")
    assert "…" in said
    assert "x1x" in said
    assert "x2x" in said
    assert len(said) < 180


def test_ctrl_c_ends_a_verification(tmp_path, ours, processes: Processes):
    path = write(tmp_path / "rows.jsonl", [warp_copy(ours["warp"][0], body=SPIN)])
    running = processes.start("-m", "pipeline", "verify", path)
    wait_until(lambda: len(processes.left()) > 1, "no sandbox was started")
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    out, error = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert error.strip().splitlines()[-1].startswith("jit-synthesis: interrupted")
    assert "Traceback" not in error
    processes.assert_none_left()
