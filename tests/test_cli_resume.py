"""Exports that are stopped: no file that looks whole, and the same bytes in the end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from conftest import Processes, wait_until
from filelock import FileLock

from extractors import Extractor
from jit_synthesis import CODE_HASH, JitSynthesisConfig, Yield
from pipeline import cli, export
from pipeline.crew import Hand
from pipeline.parts import Parts
from pipeline.shards import make_shard, plan

# A format's config and count: the first in fifteen parts, the second in three.
PLANS = {".jsonl": ("warp", 950), ".parquet": ("jax", 140)}
SEVENTY = JitSynthesisConfig("warp", num_train=70, num_validation=0, num_test=0)
FIRST = "warp/train-00000-of-00002.parquet"  # of its parts


def command(output: Path, *more: str) -> list[str]:
    config, count = PLANS[output.suffix]
    return ["-m", "pipeline", config, "--count", str(count), "--output", str(output), *more]


def export_plan(output: Path, **options) -> export.Exported:
    name, count = PLANS[output.suffix]
    config = JitSynthesisConfig(name, num_train=count, num_validation=0, num_test=0)
    return export.export(config, "train", output, **options)


def parts_of(output: Path) -> Path:
    return output.with_name(f".{output.name}.parts")


def finished(output: Path) -> list[str]:
    """The shards whose record is there: it comes last."""
    found = parts_of(output).glob("*/*.json")
    return sorted(str(path.relative_to(parts_of(output)).with_suffix(".parquet")) for path in found)


def digest(path: Path) -> str:
    beside = path.with_name(f"{path.name}.yield")
    return hashlib.sha256(path.read_bytes() + beside.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, str]:
    """Digests of whole files and their yields, made in one go, on one worker and on two."""
    folder = tmp_path_factory.mktemp("whole")
    found = {}
    for workers, suffix in ((1, ".jsonl"), (2, ".parquet")):
        output = folder / f"rows{suffix}"
        export_plan(output, workers=workers)
        found[suffix] = digest(output)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_stopped_export_goes_on(
    number, suffix, tmp_path, processes: Processes, undisturbed, monkeypatch, capsys
):
    output = tmp_path / f"rows{suffix}"
    running = processes.start(*command(output, "--workers", "1"))
    wait_until(lambda: len(finished(output)) >= 1, "no part was finished")
    if number == signal.SIGINT:
        os.killpg(running.pid, number)  # as a terminal does
    else:
        running.send_signal(number)
    out, error = running.communicate(timeout=60)
    assert out == ""
    processes.assert_none_left()
    assert [path.name for path in tmp_path.iterdir()] == [f".rows{suffix}.parts"]
    kept = finished(output)
    count = PLANS[suffix][1]
    assert 1 <= len(kept) <= count // 64
    if number != signal.SIGKILL:
        assert running.returncode == 130
        assert error.endswith(
            f"interrupted: {len(kept) * 64} of {count} rows are kept, the same command goes on\n"
        )
        assert "Traceback" not in error

    before = {name: (parts_of(output) / name).stat().st_mtime_ns for name in kept}
    seen: list[dict[str, int]] = []
    publish = Parts.publish

    def looked_at(self: Parts, whole: Path, found: Yield) -> None:
        seen.append({name: (self.folder / name).stat().st_mtime_ns for name in kept})
        publish(self, whole, found)

    monkeypatch.setattr(Parts, "publish", looked_at)
    assert cli.main(command(output)[2:]) == 0
    assert seen == [before], "finished parts were made again"
    assert f"{count} rows, {len(kept) * 64} of them from an earlier run" in capsys.readouterr().err
    assert digest(output) == undisturbed[suffix]
    assert sorted(path.name for path in tmp_path.iterdir()) == [output.name, f"{output.name}.yield"]


def test_a_kill_while_the_file_is_put_together(tmp_path, undisturbed, monkeypatch):
    """The assembled file stands among the parts until it is whole, and is made anew."""
    output = tmp_path / "rows.parquet"

    def die(self: Parts, whole: Path, found: Yield) -> None:
        whole.write_bytes(whole.read_bytes()[:1000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            export_plan(output)
    assert not output.exists()
    assert len(finished(output)) == 3
    monkeypatch.setattr("extractors.Extractor", None)  # nothing is left to compile
    done = export_plan(output)
    assert (done.rows, done.resumed) == (140, 140)
    assert digest(output) == undisturbed[".parquet"]


@pytest.fixture
def begun(tmp_path) -> Path:
    """An output of which the first part is there."""
    output = tmp_path / "rows.jsonl"
    with Parts(output, export.manifest(SEVENTY, "train")) as parts, Extractor("warp") as compiler:
        hand = Hand(SEVENTY, compiler, lambda rows, rejections: None, threading.Event())
        first = plan(SEVENTY, export.PART_ROWS)[0]
        made = make_shard(first, parts.folder, hand, statistics=False)
    assert made["path"] == FIRST
    return output


def test_parts_of_other_options_are_refused(begun, capsys):
    line = ["warp", "--count", "70", "--output", str(begun)]
    for more, told in (
        (["--seed", "3"], "seed 0, now 3"),
        (["--count", "80"], "count 70, now 80"),
        (["--split", "test"], "split 'train', now 'test'"),
        (["--device", "cpu"], "device None, now 'cpu'"),
    ):
        assert cli.main(line + more) == 2
        error = capsys.readouterr().err
        assert told in error
        assert "--overwrite" in error
        assert error.count("\n") == 1
    assert finished(begun) == [FIRST]
    assert not begun.exists()


def test_parts_of_other_code_are_refused_or_thrown_away(begun, monkeypatch, capsys):
    line = ["warp", "--count", "70", "--output", str(begun)]
    path = parts_of(begun) / "manifest.json"
    path.write_text(path.read_text().replace(CODE_HASH, "another"))
    assert cli.main(line) == 2
    assert f"code 'another', now '{CODE_HASH}'" in capsys.readouterr().err
    assert cli.main([*line, "--overwrite"]) == 0
    rows = [json.loads(text) for text in begun.read_text().splitlines()]
    assert [row["id"] for row in rows] == list(range(70))
    assert "python" in rows[0]


def test_overwriting_goes_on_too(begun, capsys):
    begun.write_text("old")
    line = ["warp", "--count", "70", "--output", str(begun), "--overwrite"]
    assert cli.main(line) == 0
    assert "64 of them from an earlier run" in capsys.readouterr().err
    assert len(begun.read_text().splitlines()) == 70


def test_a_damaged_part_is_made_again(begun, capsys):
    """What has the right size, and another content, is no finished shard."""
    path = parts_of(begun) / FIRST
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert cli.main(["warp", "--count", "70", "--output", str(begun)]) == 0
    assert "from an earlier run" not in capsys.readouterr().err
    whole = begun.with_name("whole.jsonl")
    export.export(SEVENTY, "train", whole)
    assert begun.read_bytes() == whole.read_bytes()


def test_two_runs_on_one_output_are_refused(begun, capsys):
    with FileLock(parts_of(begun) / "lock"):
        assert cli.main(["warp", "--count", "70", "--output", str(begun)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"jit-synthesis: another run is writing {begun}: ")
    assert finished(begun) == [FIRST]


def test_an_error_in_a_worker_is_raised_and_parts_are_kept(begun, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("none of the 8 variants compiles")

    monkeypatch.setattr("jit_synthesis.rows", fail)
    with pytest.raises(RuntimeError, match="none of the 8"):
        export.export(SEVENTY, "train", begun)
    assert finished(begun) == [FIRST]
    assert not begun.exists()
