"""The soak: its table and its exit code. The long run itself is `make soak`."""

from __future__ import annotations

import pytest
from conftest import ROOT, Processes

HEAD = "| config | rows | failures | rejected | minutes | CPU minutes "


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import soak

    return soak


def test_a_short_one(processes: Processes):
    done = processes.run(ROOT / "benchmarks" / "soak.py", "--warp", "300", "--jax", "0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    head, rule, line = done.stdout.splitlines()
    assert head.startswith(HEAD)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert len(cells) == head.count("|") - 1 == rule.count("|") - 1
    assert cells[:4] == ["warp", "300", "0", "0"]
    second, last, difference, most = map(int, cells[6:])
    assert 50 < second <= most
    assert abs(last - second - difference) <= 1
    processes.assert_none_left()


def test_tenths_are_means(soak):
    found = soak.Soak("warp", memory_mb=[0.0] * 10 + [100.0, 200.0] * 40 + [160.0, 260.0] * 5)
    assert (found.tenth_mb(1), found.tenth_mb(9), found.growth_mb) == (150, 210, 60)


@pytest.mark.parametrize(
    ("stage", "error", "growth", "code"),
    [
        ("", "", 49.0, 0),
        ("codegen", "", 0.0, 0),
        ("", "", 51.0, 1),
        ("worker", "", 0.0, 1),
        ("", "RuntimeError: none of the variants compiles", 0.0, 1),
    ],
)
def test_failures_and_growth_are_told(soak, monkeypatch, capsys, stage, error, growth, code):
    rejection = soak.Rejection("train", 7, 0, stage, "why", "jit-synthesis show warp 7")
    found = soak.Soak("warp", 9, [rejection] * bool(stage), error)
    found.memory_mb = [100.0] * 50 + [100.0 + growth] * 50
    monkeypatch.setattr(soak, "soak", lambda *_: found)
    assert soak.main(["--warp", "9", "--jax", "0"]) == code
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == code
    failed, rejected = told.out.splitlines()[-1].split("|")[3:5]
    assert int(failed) == (stage == "worker" or bool(error))
    assert int(rejected) == (stage == "codegen")


def test_what_breaks_off_is_told_and_not_raised(soak, monkeypatch):
    def broken(*_, **__):
        yield {"id": 1}

    monkeypatch.setattr(soak, "rows", broken)
    found = soak.soak("warp", 2, recycle=10, trace=False)
    assert found.failures == ["RuntimeError: row 1 came where 0 should"]
