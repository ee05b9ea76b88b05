"""What rows cost beside the plain method, roughly; and the benchmark that measures it well."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import ROOT

from extractors import Extracted, Extractor, Job, extract_job
from generators import generate

# Beside the plain method's CPU; measured are 0.55 and 0.40, and whatever else runs moves that.
BOUNDS = {"warp": 0.85, "jax": 0.70}
COUNT = {"warp": 120, "jax": 40}


@pytest.fixture(autouse=True)
def folder(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")


@pytest.mark.parametrize("config", BOUNDS)
def test_a_row_costs_a_fraction_of_the_plain_method(config):
    with Extractor(config, deadline_s=280) as worker:
        ours, plain = worker.call(cpu_seconds, (config, COUNT[config]), 280)
    assert ours < BOUNDS[config] * plain


def test_texts_are_those_of_the_plain_method():
    from identical import CONFIGS, differing

    assert {config: differing(config, 10) for config in CONFIGS} == dict.fromkeys(CONFIGS, 0)


def test_an_altered_text_is_told():
    from identical import our_texts, unnamed

    kernel = generate("warp", 0, 0)
    outcome = extract_job(Job("warp", kernel.python, kernel.name))
    assert isinstance(outcome, Extracted)
    whole = our_texts("warp", outcome)
    altered = {c: text.replace("wp::load", "wp::loaded") for c, text in outcome.texts.items()}
    assert our_texts("warp", Extracted(altered)) != whole
    assert unnamed("// kernel_7.py:3\nP_0123abcd x; // <L 4>") == "P x; // "


def test_the_table_is_written_between_its_marks(tmp_path):
    from throughput import END, MARK, table, write

    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{MARK}\nold\n{END}\nafter\n")
    parts = {
        "plain": {"rounds": 3, "machine": "x86_64", "lines": [("a row", "at most 1", "0.5")]},
        "verify": {"rounds": 5, "machine": "x86_64", "lines": [("another", "", "0.7")]},
    }
    write(table(parts), readme)
    lines = readme.read_text().splitlines()
    assert lines[:2] + lines[-2:] == ["before", MARK, END, "after"]
    assert lines[2] == "x86_64; medians of 3 or 5 rounds."
    assert lines[-4:-2] == ["| a row | at most 1 | 0.5 |", "| another |  | 0.7 |"]
    readme.write_text("no marks")
    with pytest.raises(SystemExit, match=r"README\.md lacks"):
        write("", readme)
    text = (ROOT / "README.md").read_text()
    assert text.count(MARK) == text.count(END) == 1


def test_the_median_of_ratios_and_the_cost_of_one_more():
    from runs import Cost, ratio

    assert ratio([1, 10, 3], [2, 10, 4]) == 0.75
    assert Cost(10, 8).less(Cost(4, 2), 3) == Cost(2, 2)


# What follows runs in the worker.


def cpu_seconds(config: str, count: int) -> tuple[float, float]:
    """CPU seconds of our texts and of the plain method's, of the same kernels in turns."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import plain

    spent = [0.0, 0.0]
    with tempfile.TemporaryDirectory() as place:
        for index in range(count):
            kernel = generate(config, 0, index)
            job = Job(config, kernel.python, kernel.name, kernel.inputs())
            for side, make in enumerate(
                (
                    lambda job=job: extract_job(job),
                    lambda k=kernel, n=index: plain.METHODS[config](k, n, Path(place)),
                )
            ):
                start = time.process_time()
                make()
                if index >= count // 6:  # the first ones warm up
                    spent[side] += time.process_time() - start
    return spent[0], spent[1]
