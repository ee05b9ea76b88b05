"""The comparison of CUDA with the CPU, on the CPU: all of it but the device."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import off_gpu
import on_gpu

from extractors import Extractor
from verification import Place


@pytest.fixture(scope="module")
def worker():
    with Extractor("warp", deadline_s=60) as made:
        yield made


def case(category: str, index: int = 0) -> on_gpu.Case:
    return on_gpu.Case(Place("warp", 0, index, "train", (category,), extended=True), "cpu")


def test_eight_rows_are_the_same_on_the_cpu(processes):
    done = processes.run("benchmarks/on_gpu.py", "--device", "cpu", "--count", "8")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[0].startswith("warp 1.")
    assert lines[2] == "| category | rows | same | differ | failed |"
    assert "| branch | 1 | 1 | 0 | 0 |" in lines
    assert lines[-1] == "| all | 8 | 8 | 0 | 0 |"


def test_without_a_gpu_it_says_so_and_runs_nothing(processes):
    told = "no CUDA device: nothing was run; it needs an NVIDIA GPU and its driver\n"
    done = processes.run("benchmarks/on_gpu.py", CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stdout) == (3, told)


def test_a_device_that_is_not_there_is_seen(worker):
    asked = (["cpu", "cuda:77", "gpu"],)
    assert worker.call(off_gpu.devices, asked, 60) == [True, False, False]


def test_tiles_and_atomics_are_compared_with_their_adjoints(worker):
    cases = [case("tile", 1), case("atomic", 1), case("matrix")]
    assert worker.each(on_gpu.compare, cases[1:]) == [on_gpu.Found("same")] * 2
    assert worker.each(on_gpu.compare, cases[:1]) == [on_gpu.Found("same")]


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("outputs", "differ", "cpu beside the reference: output 0 at sizes "),
        ("gradients", "differ", "cpu beside the reference: adjoint "),
        ("element", "differ", "cpu beside cpu: adjoint of input 0: 1 of "),
        ("launch", "failed", "run: RuntimeError: no launch"),
    ],
)
def test_a_device_that_computes_otherwise_is_told(worker, fault, state, reason):
    [found] = worker.call(off_gpu.faulty, ([case("unary")], fault), 60)
    assert found.state == state
    assert found.reason.startswith(reason)


def test_a_kernel_that_breaks_its_module_is_set_apart(worker):
    cases = [case("unary"), case("branch"), case("vector")]
    found = worker.call(off_gpu.broken, (cases, 1), 60)
    assert [one.state for one in found] == ["same", "failed", "same"]
    assert found[1].reason.startswith("compile: ")
    assert "nonsense" in found[1].reason


def test_modules_hold_kernels_of_one_block():
    made = on_gpu.modules(96, 0, "cpu")
    assert sorted(c.place.index for cases in made for c in cases) == list(range(96))
    for cases in made:
        assert len(cases) <= on_gpu.MODULE
        kernels = [on_gpu.generated(c.place) for c in cases]
        assert len({kernel.arguments[-1].low for kernel in kernels}) == 1
        tiled = [kernel.category == "tile" for kernel in kernels]
        assert all(tiled) or not any(tiled)


def test_the_table_counts_and_gives_every_reason():
    first, second = case("unary"), case("branch")
    second = replace(second.place, index=4), second.device
    lines = list(
        on_gpu.table(
            {
                on_gpu.Case(*second): on_gpu.Found("failed", "run: it broke"),
                first: on_gpu.Found("same"),
            }
        )
    )
    assert lines[2:] == [
        "| unary | 1 | 1 | 0 | 0 |",
        "| branch | 1 | 0 | 0 | 1 |",
        "| all | 2 | 1 | 0 | 1 |",
        "warp 4 (branch) failed: run: it broke",
    ]
