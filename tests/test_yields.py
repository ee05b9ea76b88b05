"""The yield: what it counts, and that an export prints and keeps it, also after a kill."""

from __future__ import annotations

import io
import json
import signal
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from conftest import Processes, wait_until

import generators
from pipeline import cli, export
from verification import LEVELS, Rejection, Yield


def row(category: str, verified: str, differentiable: bool = True) -> dict:
    return {"category": category, "verified": verified, "differentiable": differentiable}


def missed(stage: str, reason: str, kept: bool, category: str = "loop") -> Rejection:
    return Rejection("train", 1, 0, stage, reason, f"show {reason}", category, kept)


def counted() -> Yield:
    found = Yield("gradient")
    found.add(row("branch", "gradient"))
    found.add(row("branch", "matched", differentiable=False))
    found.add(row("loop", "ran"))
    found.note(missed("match", "output 0: 3 of 80 differ, 1.5 for 2e-3 at [1, 2]", kept=True))
    found.note(missed("match", "output 0: 7 of 16 differ, -0.5 for nan at [4]", kept=False))
    found.note(missed("codegen", "TypeError: no", kept=False))
    return found


def test_the_yield_counts_how_far_kernels_came():
    found = counted()
    assert list(found.table()) == [
        ("category", "generated", "extracted", "ran", "matched", "differentiable", "gradient"),
        ("branch", "2", "2", "2", "2", "1", "1"),
        ("loop", "3", "2", "2", "0", "1", "0"),
        ("all", "5", "4", "4", "2", "2", "1"),
    ]
    assert found.replaced == 2
    assert str(found) == (
        "generated/extracted/ran/matched/differentiable/gradient: "
        "branch 2/2/2/2/1/1, loop 3/2/2/0/1/0, all 5/4/4/2/2/1"
    )


def test_the_yield_shows_only_what_was_tried():
    heads = [next(Yield(level).table())[1:] for level in LEVELS]
    assert heads[0] == ("generated", "extracted", "differentiable")
    assert heads[1] == ("generated", "extracted", "ran", "differentiable")
    assert heads[3][-2:] == ("differentiable", "gradient")


def test_reasons_that_differ_in_numbers_are_one():
    told = counted().told()["reasons"]
    assert [(r["stage"], r["kept"], r["count"]) for r in told] == [
        ("codegen", False, 1),
        ("match", False, 1),
        ("match", True, 1),
    ]
    assert told[1]["reason"] == told[2]["reason"] == "output #: # of # differ, # for # at #"
    assert told[0]["repro"] == "show TypeError: no"


def test_yields_are_joined_through_json():
    whole = Yield("gradient")
    for _ in range(2):
        whole.join(json.loads(json.dumps(counted().told())))
    assert whole.replaced == 4
    assert dict(zip(*list(whole.table())[::3], strict=True))["generated"] == "10"
    twice = counted().told()
    for count in twice["categories"].values():
        count.update({stage: 2 * n for stage, n in count.items()})
    for reason in twice["reasons"]:
        reason["count"] *= 2
    assert whole.told() == twice
    again = Yield()
    again.join(twice)
    assert again.told() == twice


# Kernels some of which have no gradient, in parts so small that one is finished soon.
LINE = ["warp", "--count", "6", "--categories", "loop,atomic", "--extended", "--seed", "4"]
LINE += ["--min-verified", "gradient", "--workers", "1"]
PART_ROWS = 2
SMALL_PARTS = f"""
import sys
from pipeline import cli, export
export.PART_ROWS = {PART_ROWS}
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, str]:
    """The output of an undisturbed export, and what it printed."""
    output = tmp_path_factory.mktemp("whole") / "rows.jsonl"
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as error:
        patch.setattr(export, "PART_ROWS", PART_ROWS)
        patch.setenv("COLUMNS", "100")
        assert cli.main([*LINE, "--output", str(output)]) == 0
    return output, error.getvalue()


def test_the_command_line_prints_the_yield_and_keeps_it(whole):
    output, error = whole
    made = [json.loads(text) for text in output.read_text().splitlines()]
    assert {row["verified"] for row in made} == {"gradient"}
    kept = json.loads(output.with_name("rows.jsonl.yield").read_text())
    assert kept["verify"] == "gradient"
    assert sum(count["gradient"] for count in kept["categories"].values()) == 6
    first = [
        generators.generate("warp", 4, n, categories=["loop", "atomic"], extended=True)
        for n in range(6)
    ]
    [reason] = kept["reasons"]
    assert reason["count"] >= sum(not kernel.differentiable for kernel in first) > 0
    assert (reason["stage"], reason["reason"]) == ("generate", "not differentiable")
    assert reason["kept"] is False
    head, *printed = error.splitlines()
    assert f"{reason['count']} kernels rejected and replaced" in head
    joined = Yield()
    joined.join(kept)
    table = list(joined.table())
    assert [tuple(line.split()) for line in printed[: len(table)]] == table
    told = f"{reason['count']} replaced, generate: not differentiable ({reason['repro']})"
    assert printed[len(table) :] == [f"  {told}"]


def test_a_killed_export_has_the_yield_of_an_undisturbed_one(
    whole, tmp_path, processes: Processes, monkeypatch
):
    script = tmp_path / "small_parts.py"
    script.write_text(SMALL_PARTS)
    (tmp_path / "cut").mkdir()
    output = tmp_path / "cut" / "rows.jsonl"
    running = processes.start(script, *LINE, "--output", output)
    parts = output.with_name(".rows.jsonl.parts")
    wait_until(lambda: list(parts.glob("warp/*.json")), "no part was finished")
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    processes.assert_none_left()
    kept = len(list(parts.glob("warp/*.json")))
    assert 1 <= kept < 3
    monkeypatch.setattr(export, "PART_ROWS", PART_ROWS)
    assert cli.main([*LINE, "--output", str(output)]) == 0
    names = ["rows.jsonl", "rows.jsonl.yield"]
    for name in names:
        assert output.with_name(name).read_bytes() == whole[0].with_name(name).read_bytes()
    assert sorted(path.name for path in output.parent.iterdir()) == names
