"""The command line: bad input, exports in both formats, the view of a row, a user's own file."""

from __future__ import annotations

import json
import os
import pty
import re
import tomllib
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

import generators
import jit_synthesis
import verification
from jit_synthesis import FEATURES, JitSynthesisConfig, Rejection, rows
from pipeline import cli, export, parquet

USER_FILE = """
import warp as wp
import jax.numpy as jnp

@wp.func
def twice(x: float):
    return x * 2.0

@wp.kernel
def doubled(a: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = twice(a[i])

@wp.kernel
def broken(a: wp.array(dtype=float)):
    a[0] = nothing

def loss(x, k):
    return jnp.sum(x * x) * k
"""


def run(capsys, *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def expected(config: str, split: str, count: int, **options) -> list[dict]:
    chosen = JitSynthesisConfig(config, **{f"num_{split}": count}, **options)
    return list(rows(chosen, split, 0, count))


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


BAD = [
    ("warp --count 0", "count=0 must be 1 or more"),
    ("warp --count -3", "count=-3 must be 1 or more"),
    ("warp --count 1.5", "--count"),
    ("warp --count many", "--count"),
    ("warp --count 99999999999999999999999", "num_train=99999999999999999999999 must be"),
    ("warp --seed -1", "seed=-1 must be an integer from 0 to 18446744073709551615"),
    ("warp --device gpu", "unknown device 'gpu': choose from cpu, cuda, both"),
    ("jax --mode back", "unknown mode 'back': choose from forward, backward, both"),
    ("jax --device cuda", "jax rows hold HLO"),
    ("warp --categories branch,tree", "unknown category for warp 'tree': choose from elementwise"),
    ("warp --categories stencil", "'stencil' is one of the extended ones: add extended"),
    ("stablehlo --preamble", "preamble=True is Warp's"),
    ("warp --split dev", "unknown split 'dev': choose from train, validation, test"),
    ("warp --output rows.csv", "rows.csv must end in .jsonl or .parquet"),
    ("warp --output rows", "rows must end in .jsonl or .parquet"),
    ("warp --output rows.parquet --jsonl", "rows.parquet must end in .jsonl or .parquet, which"),
    ("warp --output missing/rows.jsonl", "does not exist: mkdir -p"),
    ("warp --output folder.jsonl", "is a folder"),
    ("warp --output there.jsonl", "there.jsonl exists: give --overwrite"),
    ("warp --output /proc/rows.jsonl", "cannot write in folder /proc"),
    ("warp --workers 0", "workers=0 must be 1 or more"),
    ("warp --nonsense", "No such option"),
    ("tpu --count 3", "No such command 'tpu'"),
    ("show tpu 3", "unknown config 'tpu': choose from warp, jax, stablehlo"),
    ("show warp", "Missing argument"),
    ("show warp three", "valid integer"),
    ("show warp 3 --variant 256", "variant must be an integer from 0 to 255"),
    ("show warp 3 --split dev", "unknown split 'dev'"),
    ("extract missing.py", "no such file: missing.py"),
    ("extract there.jsonl --inputs f32[2]", "name the JAX function to extract: --function f"),
    ("extract there.jsonl --function f --inputs q[2]", "unknown dtype 'q'"),
    ("extract there.jsonl --output rows.csv", "must end in .jsonl or .parquet"),
    ("extract folder.jsonl", "folder.jsonl is a folder: name one Python file"),
    ("extract there.jsonl --deadline 0", "--deadline 0 must be more than 0"),
    ("extract there.jsonl --config paired", "unknown config 'paired': choose from warp, jax"),
    ("extract there.jsonl --config jax --function f", 'types: --inputs "f32[8,16],i32[]"'),
    ("extract there.jsonl --config warp --inputs f32[2]", "--inputs is for JAX functions"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_bad_input_is_one_line_and_writes_nothing(line, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "there.jsonl").write_text("mine")
    code, out, error = run(capsys, *line.split())
    assert code == 2
    assert out == ""
    assert message in error
    assert error.startswith("jit-synthesis: ")
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder.jsonl", "there.jsonl"]
    assert (tmp_path / "there.jsonl").read_text() == "mine"


def test_a_count_above_capacity_names_both_numbers(tmp_path, capsys):
    held = generators.capacity("warp", "unary", "test")
    line = f"warp --count {held + 1} --categories unary --split test --output {tmp_path}/r.jsonl"
    code, _, error = run(capsys, *line.split())
    assert code == 2
    assert str(held + 1) in error
    assert str(held) in error.replace(str(held + 1), "")


def test_a_missing_compiler_is_told(tmp_path, monkeypatch, capsys):
    def refuse(language: str) -> None:
        raise ValueError(f"{language} is not installed: pip install it")

    monkeypatch.setattr("extractors.check_toolchain", refuse)
    code, _, error = run(capsys, "jax", "--count", "3", "--output", tmp_path / "r.jsonl")
    assert (code, error) == (2, "jit-synthesis: jax is not installed: pip install it\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("warp --device cpu --mode forward", {"device": "cpu", "mode": "forward"}),
        ("jax --mode both --extended --seed 7", {"mode": "both", "extended": True, "seed": 7}),
        ("stablehlo --categories loop,branch", {"categories": ["branch", "loop"]}),
    ],
)
def test_exports_hold_the_rows_of_the_builder(line, options, tmp_path, capsys):
    config = line.split()[0]
    outputs = {}
    for split, suffix in (("train", "jsonl"), ("test", "parquet")):
        outputs[suffix] = tmp_path / f"rows.{suffix}"
        whole = f"{line} --count 5 --split {split} --output {outputs[suffix]}"
        code, out, error = run(capsys, *whole.split())
        assert (code, out) == (0, "")
        assert re.match(rf"\S+rows.{suffix}: 5 rows, .* 0 kernels rejected .*\n", error)
        assert re.search(r"\nall +5 +5 +[345] *\n$", error)
        told = json.loads(Path(f"{outputs[suffix]}.yield").read_text())
        assert sum(c["extracted"] for c in told["categories"].values()) == 5
    assert read_jsonl(outputs["jsonl"]) == expected(config, "train", 5, **options)

    made = expected(config, "test", 5, **options)
    features = FEATURES[config]
    schema = pq.read_schema(outputs["parquet"])
    assert schema.names == list(features)
    assert schema.metadata[b"huggingface"] == features.arrow_schema.metadata[b"huggingface"]
    loaded = datasets.load_dataset(
        "parquet", data_files=str(outputs["parquet"]), split="train", cache_dir=str(tmp_path / "c")
    )
    assert loaded.features == features
    assert list(loaded) == [features.encode_example(row) for row in made]
    names = ["c", "rows.jsonl", "rows.jsonl.yield", "rows.parquet", "rows.parquet.yield"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_parquet_has_small_compressed_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_ROWS", 4)
    rows = expected("warp", "train", 10)
    parquet.write_parquet(tmp_path / "rows.parquet", rows, FEATURES["warp"])
    found = pq.ParquetFile(tmp_path / "rows.parquet").metadata
    assert [found.row_group(i).num_rows for i in range(found.num_row_groups)] == [4, 4, 2]
    column = found.row_group(0).column(2)
    assert column.compression == "ZSTD"
    assert column.has_column_index
    assert column.has_offset_index


def test_the_jsonl_flag_and_the_default_output(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "warp", "--count", "2")[0] == 0
    assert run(capsys, "warp", "--count", "2", "--output", "rows.txt", "--jsonl")[0] == 0
    made = (tmp_path / "warp.jsonl").read_bytes()
    assert (tmp_path / "rows.txt").read_bytes() == made
    (tmp_path / "warp.jsonl").write_text("old")
    assert run(capsys, "warp", "--count", "2")[0] == 2
    assert (tmp_path / "warp.jsonl").read_text() == "old"
    assert run(capsys, "warp", "--count", "2", "--overwrite")[0] == 0
    assert (tmp_path / "warp.jsonl").read_bytes() == made


def test_the_yield_is_summed_up_with_commands(tmp_path, monkeypatch, capsys):
    found = verification.Yield("match")
    for tier in ("matched", "ran", "matched"):
        found.add({"category": "loop", "verified": tier, "differentiable": True})
    for index, stage, reason, kept in (
        (3, "trace", "TypeError: [no]", False),
        (9, "trace", "TypeError: [no]", False),
        (5, "match", "output 1: 3 of 8 differ", True),
    ):
        repro = f"jit-synthesis show jax {index}"
        found.note(Rejection("train", index, 0, stage, reason, repro, "loop", kept))
    monkeypatch.setattr(cli, "export", lambda *_, **__: export.Exported(20, 0, found))
    _, _, error = run(capsys, "jax", "--count", "20", "--output", tmp_path / "rows.jsonl")
    told = [line.split() for line in error.splitlines()]
    assert "20 rows" in error.splitlines()[0]
    assert "2 kernels rejected and replaced" in error.splitlines()[0]
    assert told[1] == ["category", "generated", "extracted", "ran", "matched", "differentiable"]
    assert told[2:4] == [["loop", "5", "3", "3", "2", "3"], ["all", "5", "3", "3", "2", "3"]]
    assert error.splitlines()[4:] == [
        "  2 replaced, trace: TypeError: # (jit-synthesis show jax 3)",
        "  1 kept, match: output #: # of # differ (jit-synthesis show jax 5)",
    ]


@pytest.mark.parametrize("config", jit_synthesis.CONFIGS)
def test_show(config, capsys, monkeypatch):
    row = expected(config, "train", 18, seed=3)[17]
    code, out, _ = run(capsys, "show", config, "17", "--seed", "3", "--json")
    assert (code, json.loads(out)) == (0, row)
    for width in ("80", "200"):
        monkeypatch.setenv("COLUMNS", width)
        code, out, error = run(capsys, "show", config, "17", "--seed", "3")
        assert (code, error) == (0, "")
        assert row["kernel_name"] in out
        assert row["row_key"] in out
        titles = re.findall(r"╭─ (\w+) ─", out)
        texts = [*jit_synthesis.sources(config), *jit_synthesis.COLUMNS[config]]
        assert sorted(titles) == sorted(texts)
        beside = re.search(r"╭─ python\w* ─.*╭─ (cpp|hlo_forward) ─", out)
        assert bool(beside) == (width == "200")


def test_show_tells_why_a_variant_is_rejected(capsys, monkeypatch):
    rejection = Rejection("train", 3, 1, "trace", "TypeError: no [x]", "again")
    monkeypatch.setattr(cli, "find_row", lambda *_: verification.Made(None, rejection))
    code, out, error = run(capsys, "show", "jax", "3", "--variant", "1", "--json")
    assert (code, out) == (1, "")
    assert error == "jax train 3 variant 1 is rejected\ntrace: TypeError: no [x]\n"


def test_show_gives_each_variant(capsys):
    found = []
    for variant in ("0", "1"):
        code, out, _ = run(capsys, "show", "warp", "4", "--variant", variant, "--json")
        assert code == 0
        found.append(json.loads(out))
    assert found[0] == expected("warp", "train", 5)[4]
    assert found[0]["fingerprint"] != found[1]["fingerprint"]
    assert found[1]["row_key"] == "warp?seed=0&split=train&index=4&variant=1"


def test_extract_prints_and_writes_rows_of_a_users_file(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    code, out, error = run(capsys, "extract", file, "--json")
    assert code == 0
    [row] = [json.loads(line) for line in out.splitlines()]
    assert list(row) == list(FEATURES["warp"])
    assert (row["id"], row["kernel_name"], row["type"]) == (0, "doubled", "extract")
    assert row["verified"] == "extracted"
    assert row["category"] is row["differentiable"] is row["row_key"] is None
    unknown = {"role": None, "shape": None, "low": None, "high": None}
    assert row["inputs"] == [{"name": "a", "dtype": "float32", **unknown}]
    assert row["fingerprint"] == generators.fingerprint(row["python"])
    assert "doubled_cpu_kernel_backward" in row["cpp"]
    assert f"{file}:15: broken: codegen: " in error or f"{file}:14: broken: codegen: " in error

    code, out, _ = run(capsys, "extract", file)
    assert code == 0
    assert "╭─ cuda ─" in out

    for suffix in ("jsonl", "parquet"):
        output = tmp_path / f"rows.{suffix}"
        code, out, error = run(capsys, "extract", file, "--output", output)
        assert (code, out) == (0, "")
        assert error.splitlines()[-1] == f"{output}: 1 rows, 1 rejected"
        assert run(capsys, "extract", file, "--output", output)[0] == 2
    assert read_jsonl(tmp_path / "rows.jsonl") == [row]
    [read] = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert read == FEATURES["warp"].encode_example(row)
    assert not list(tmp_path.glob(".*"))


def test_extract_takes_a_jax_function(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    line = ["extract", file, "--function", "loss", "--inputs", "f32[8,16],f32[]", "--json"]
    code, out, _ = run(capsys, *line)
    assert code == 0
    row = json.loads(out)
    assert list(row) == list(FEATURES["jax"])
    assert all(row[c].startswith("HloModule") for c in row if c.startswith("hlo_"))
    code, out, _ = run(capsys, *line, "--config", "stablehlo")
    assert code == 0
    assert list(json.loads(out)) == list(FEATURES["stablehlo"])
    known = {"role": "input", "dtype": "float32", "low": None, "high": None}
    assert row["inputs"] == [
        {"name": "x", "shape": [8, 16], **known},
        {"name": "k", "shape": [], **known},
    ]


def test_extract_tells_what_to_add(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(USER_FILE)
    head = "jit-synthesis: "
    for options, code, message in (
        (["gone", "--inputs", "f32[2]"], 2, "no function named 'gone' in mine.py: it has loss"),
        (
            ["gone"],
            2,
            "no kernel or function named 'gone' in mine.py: it has doubled, broken, loss",
        ),
        (
            ["loss"],
            2,
            'loss in mine.py is no Warp kernel: for a JAX function add --inputs "f32[8,16],i32[]"',
        ),
    ):
        done = run(capsys, "extract", file, "--function", *options)
        assert done == (code, "", f"{head}{message}\n")
    file.write_text("import jax\nrate = 2.0\n")
    code, out, error = run(capsys, "extract", file)
    assert (code, out) == (1, "")
    hint = 'a JAX function is extracted with --function f --inputs "f32[8,16],i32[]"'
    assert error == f"{file}: no @wp.kernel in it; {hint}\n"


def test_extract_gives_up_a_file_that_never_ends(tmp_path, capsys):
    file = tmp_path / "hangs.py"
    file.write_text("while True: pass\n")
    done = run(capsys, "extract", file, "--deadline", "1")
    assert done == (1, "", f"{file}: import: no end within 1 s\n")


def test_extract_names_a_text_that_needs_more(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import numpy\nW = numpy.random.rand(3)\ndef f(x):\n    return x * W\n")
    code, out, error = run(
        capsys, "extract", file, "--function", "f", "--inputs", "f32[3]", "--json"
    )
    assert (code, json.loads(out)["python"]) == (0, "def f(x):\n    return x * W\n")
    assert error == f"{file}:3: f: its python text needs more of mine.py than it holds\n"


@pytest.mark.parametrize("line", ["--help", "", "warp --help", "show --help", "extract --help"])
def test_help_has_examples(line, capsys):
    code, out, error = run(capsys, *line.split())
    assert (code, error) == (0, "")
    assert "jit-synthesis " + (line.split()[0] if " " in line else "show") in out


def test_it_runs_as_a_module_and_a_reader_may_leave(processes):
    done = processes.run("-m", "pipeline", "--version")
    assert (done.returncode, done.stdout) == (0, f"jit-synthesis {jit_synthesis.__version__}\n")
    for more in ([], ["--json"]):
        running = processes.start("-m", "pipeline", "show", "warp", "17", *more)
        assert running.stdout is not None
        running.stdout.close()
        running.stdout = None
        _, error = running.communicate(timeout=60)
        assert error == ""
        assert running.returncode in (0, 1)
    processes.assert_none_left()


def test_a_bar_is_shown_on_a_terminal_only(processes, tmp_path):
    line = ("-m", "pipeline", "warp", "--count", "70", "--output", tmp_path / "rows.jsonl")
    quiet = processes.run(*line)
    assert quiet.returncode == 0
    assert re.search(r"\nall +70 +70 +\d+ *\n$", quiet.stderr)
    main, terminal = pty.openpty()
    running = processes.start(*line, "--overwrite", TERM="xterm", stderr=terminal)
    os.close(terminal)
    shown = b""
    while chunk := _read(main):
        shown += chunk
    assert running.wait(timeout=60) == 0
    os.close(main)
    assert b"70/70" in shown
    assert b"rows/s" in shown
    assert b"0 rejected" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux's way to say that the other side is closed
        return b""


def test_a_wheel_has_the_command_and_every_package():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert data["project"]["scripts"] == {"jit-synthesis": "pipeline.start:main"}
    packed = data["tool"]["setuptools"]["packages"]
    tops = ("generators", "extractors", "verification", "pipeline")
    found = [init.parent for top in tops for init in (ROOT / top).rglob("__init__.py")]
    assert sorted(packed) == sorted(".".join(path.relative_to(ROOT).parts) for path in found)
