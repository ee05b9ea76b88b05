"""Published rows made again: the same bytes, and what differs is found and named."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Processes
from test_publish import REPO, config, remote, send

import extractors
from jit_synthesis import JitSynthesisConfig, rows
from pipeline import cli
from pipeline.publishing.folders import Folder
from pipeline.publishing.remaking import remake


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two configs, one of them verified, as a folder."""
    path = tmp_path_factory.mktemp("published") / "kernels"
    send(Folder(path), config("warp"), config("jax", num_train=9, verify="match", extended=True))
    return path


def test_a_folder_is_remade_to_the_byte(folder, capsys):
    assert cli.main(["regenerate", str(folder), "--rows", "30"]) == 0
    assert "30 rows made again: all the same, byte for byte" in capsys.readouterr().err
    assert cli.main(["regenerate", str(folder), "--rows", "999", "--config", "jax"]) == 0
    assert "20 rows made again" in capsys.readouterr().err


def test_a_repository_is_remade(hub, processes: Processes):
    send(remote(hub))
    done = processes.run("-m", "pipeline", "regenerate", REPO, "--rows", "5")
    assert done.returncode == 0, done.stderr
    assert "5 rows made again: all the same" in done.stderr
    reads = [r for r in hub.requests if r.method == "GET" and "/resolve/" in r.path]
    assert not any("-sample" in request.path for request in reads)
    done = processes.run("-m", "pipeline", "regenerate", "me/nothing", "--rows", "5")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "me/nothing is no file, no folder and no dataset" in done.stderr


def test_rows_are_drawn_by_a_seed(folder, monkeypatch):
    drawn = []
    for seed in (0, 0, 1):
        found = []
        monkeypatch.setattr(
            "pipeline.publishing.remaking._made", lambda c, rows, w, f=found: f.extend(rows) or []
        )
        remake(str(folder), 10, seed=seed)
        drawn.append([row.columns["row_key"] for row in found])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 10


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("cuda", "int x;", "cuda, line 1"),
        ("operations", ["none"], "operations: ['none'] is "),
        ("verified", 2, "verified, line 1: matched | here: extracted"),
        ("fingerprint", "0" * 32, "fingerprint, line 1"),
    ],
)
def test_a_row_that_was_altered_is_found(column, value, said, folder, tmp_path, capsys):
    table = pq.read_table(folder / "warp" / "test-00000-of-00001.parquet")
    altered = table.to_pylist()
    altered[2][column] = value
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(altered, schema=table.schema), path)
    assert cli.main(["regenerate", str(path), "--json"]) == 1
    out, error = capsys.readouterr()
    [told] = [json.loads(line) for line in out.splitlines()]
    assert (told["row"], told["stage"]) == (3, "regenerate")
    assert said in told["what"]
    assert "5 rows made again: 1 differ" in error
    assert "nothing says which versions made it" in error


def test_a_row_of_another_kernel_and_a_key_that_is_none_are_told_in_a_line_each(
    folder, tmp_path, capsys
):
    table = pq.read_table(folder / "warp" / "test-00000-of-00001.parquet")
    altered = table.to_pylist()
    altered[0]["row_key"] = altered[1]["row_key"]
    altered[3]["row_key"] = altered[3]["row_key"].replace("variant=0", "variant=zz")
    altered[4]["cuda"] = altered[4]["cuda"].replace("{", "{ ", 1)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(altered, schema=table.schema), path)
    assert cli.main(["regenerate", str(path), "--json"]) == 1
    told = {d["row"]: d["what"] for d in map(json.loads, capsys.readouterr().out.splitlines())}
    assert told.keys() == {1, 4, 5}
    names = [altered[n]["kernel_name"] for n in (0, 1)]
    assert told[1] == f"another kernel: {names[0]}, here {names[1]}"
    assert "is not a row_key" in told[4]
    assert "{ '" in told[5]


def test_jsonl_is_remade_too(tmp_path, capsys):
    options = JitSynthesisConfig("stablehlo", num_train=4, seed=2, mode="both")
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(options, "train", 0, 4)))
    assert cli.main(["regenerate", str(path)]) == 0
    assert "4 rows made again: all the same" in capsys.readouterr().err


def test_another_toolchain_is_named_and_not_guessed_at(folder, monkeypatch, capsys):
    real = extractors.toolchain
    others = {"warp": "1.19.7"}
    monkeypatch.setattr(
        extractors, "toolchain", lambda c: real(c) | (others if c == "warp" else {})
    )
    assert cli.main(["regenerate", str(folder), "--rows", "5", "--config", "warp"]) == 2
    assert "warp was made with warp 1.19.0 (here 1.19.7)" in capsys.readouterr().err
    others |= {"python": "3.99.0"}
    del others["warp"]
    assert cli.main(["regenerate", str(folder), "--rows", "5", "--config", "warp"]) == 0
    assert "(here 3.99.0)" in capsys.readouterr().err


def test_other_code_is_named(folder, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.publishing.remaking.CODE_HASH", "0" * 16)
    assert cli.main(["regenerate", str(folder), "--rows", "2", "--config", "warp"]) == 0
    assert "this is code 0000000000000000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "0"], "rows=0 must be 1 or more"),
        (["--config", "wrap"], "unknown config 'wrap'"),
        (["--config", "paired"], "holds no Parquet files of config paired"),
    ],
)
def test_bad_options_are_told(words, said, folder, capsys):
    assert cli.main(["regenerate", str(folder), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_rows_that_were_not_generated_are_refused(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"python": "x", "cpp": "y", "kernel_name": "k"}\n')
    assert cli.main(["regenerate", str(path)]) == 2
    assert "row 1 has no row_key: it was not generated" in capsys.readouterr().err
