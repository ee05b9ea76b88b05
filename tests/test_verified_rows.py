"""Verification with real compilers: tiers of rows, kernels that break, launches by their row."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import launches
import numpy as np
import pytest

import generators
import jit_synthesis
from extractors import Extractor
from generators import Argument
from jit_synthesis import JitSynthesisConfig, rows
from verification import Place, Rejection, Task, Verdict
from verification.examine import examine

# Of each config the categories and the number of rows.
PLANS = {
    "warp": ("branch,loop,vector,tile,integer,atomic", 7),
    "jax": ("reduction,integer,attention,recurrent", 4),
    "stablehlo": ("unary,branch,scatter", 3),
    "paired": ("elementwise,nested_branch,gather", 3),
}
ABOUT = {"verified", "row_key"}  # the columns that tell of verification


@pytest.fixture(scope="module")
def worker():
    """Both compilers in one process."""
    with Extractor("paired", deadline_s=60) as made:
        yield made


def config_of(name: str, verify: str, **options) -> JitSynthesisConfig:
    names, count = PLANS[name]
    chosen = {"categories": names, "num_train": count, "seed": 4, "extended": True} | options
    return JitSynthesisConfig(name, verify=verify, **chosen)


@pytest.fixture(scope="module")
def made(worker):
    @cache
    def of(name: str, verify: str) -> list[dict]:
        config = config_of(name, verify)
        return list(rows(config, "train", 0, config.num_train, compiler=worker))

    return of


@pytest.mark.parametrize("name", PLANS)
def test_rows_are_shown_as_much_as_is_asked(name, made):
    found = {level: made(name, level) for level in jit_synthesis.LEVELS}
    tiers = {level: [row["verified"] for row in each] for level, each in found.items()}
    count = PLANS[name][1]
    assert tiers["extract"] == ["extracted"] * count
    assert tiers["run"] == ["ran"] * count
    assert tiers["match"] == ["matched"] * count
    assert tiers["gradient"] == [
        "gradient" if row["differentiable"] else "matched" for row in found["gradient"]
    ]
    assert "gradient" in tiers["gradient"]
    for level, each in found.items():
        for row, plain in zip(each, found["extract"], strict=True):
            for column in row.keys() - ABOUT:
                assert row[column] == plain[column]
            more = "" if level == "extract" else f"&verify={level}"
            assert row["row_key"] == plain["row_key"] + more


def test_some_rows_have_no_gradient_to_show(made):
    """Else the test above says less than it seems to."""
    assert not all(row["differentiable"] for row in made("warp", "extract"))
    assert not all(row["differentiable"] for row in made("jax", "extract"))


@pytest.mark.parametrize("name", ["warp", "jax"])
def test_batch_order_and_worker_do_not_matter(name, made):
    config, together = config_of(name, "gradient"), made(name, "gradient")
    with Extractor(name) as other:
        for index in (2, 0):
            [alone] = rows(config, "train", index, index + 1, batch=1, compiler=other)
            assert alone == together[index]
        assert list(rows(config, "train", 0, 3, batch=2, compiler=other)) == together[:3]
        assert jit_synthesis.regenerate(alone["row_key"], other) == together[0]


def task_of(language: str, index: int, level: str = "match", **options) -> Task:
    kernel = generators.generate(language, 2, index, **options)
    place = Place(language, 2, index, "train", **options)
    return Task(language, kernel.python, kernel.name, kernel.arguments, kernel.twin, level, place)


BROKEN = """@wp.kernel
def broken(a: wp.array(dtype=float)):
    a[wp.tid()] = wp.nonsense(1.0)
"""


def test_a_kernel_that_breaks_its_module_is_set_apart(worker):
    tasks = [task_of("warp", index) for index in range(4)]
    tasks.insert(1, replace(tasks[0], python=BROKEN, name="broken"))
    tasks.insert(4, replace(tasks[0], name="gone"))
    found = worker.each(examine, tasks)
    assert [v.tier for v in found] == ["matched", "extracted"] + ["matched"] * 2 + [
        *("extracted", "matched")
    ]
    for verdict, told in ((found[1], "nonsense"), (found[4], "no kernel named 'gone'")):
        assert verdict.stage == "run"
        assert told in verdict.reason
        assert "\n" not in verdict.reason


FAR = """@wp.kernel
def far({}):
    for k in range(64):
        {}[{}] = {}(k)
"""


def writing_far(task: Task) -> Task:
    """A kernel of the same arguments that writes gigabytes beyond its output."""
    kernel = task.python.partition("\ndef ")[2].partition("):\n")[0]
    given = " ".join(kernel.partition("(")[2].split())
    [out] = [a for a in task.arguments if a.role == "output"]
    rest = ", 0" * (len(out.shape) - 1)
    text = FAR.format(given, out.name, f"k * 33000000{rest}", f"wp.{out.dtype}")
    return replace(task, python=text, name="far")


class Sabotage:
    """A compiler in whose verification one kernel is another."""

    def __init__(self, worker: Extractor, place: int, change) -> None:
        self.worker, self.place, self.change = worker, place, change
        self.jobs = []

    def extract(self, jobs):
        self.jobs += jobs
        return self.worker.extract(jobs)

    def each(self, function, tasks):
        tasks = list(tasks)
        if len(tasks) > self.place:
            tasks[self.place] = self.change(tasks[self.place])
        return self.worker.each(function, tasks)


def test_a_crash_costs_the_kernel_its_tier_and_no_other():
    config = JitSynthesisConfig("warp", num_train=4, seed=2, verify="match")
    noted: list[Rejection] = []
    with Extractor("warp") as worker:
        compiler = Sabotage(worker, 1, writing_far)
        found = list(rows(config, "train", 1, 4, compiler=compiler, on_reject=noted.append))
    assert [row["verified"] for row in found] == ["matched", "extracted", "matched"]
    [missed] = noted
    assert (missed.index, missed.variant, missed.stage, missed.kept) == (2, 0, "run", True)
    assert missed.reason.startswith("worker died (signal ")
    assert missed.category == found[1]["category"]
    assert missed.repro == (
        "jit-synthesis show warp 2 --seed 2 --split train --variant 0 --verify match"
    )


def edited(task: Task, body: str) -> Task:
    """A JAX function with something done to all that it returns."""
    wrapper = f"def {task.name}(*a):\n    return jax.tree.map({body}, _of(*a))\n"
    return replace(task, python=f"{task.python}\n_of = {task.name}\n{wrapper}")


def test_jax_functions_that_go_wrong_come_as_far_as_they_are_right(worker):
    good = task_of("jax", 3, "gradient")
    tasks = [
        good,
        edited(good, "lambda out: out * 1.001"),
        edited(good, "lambda out: out / 0"),
        edited(good, "lambda out: out * 0"),
        edited(good, "lambda out: jax.lax.stop_gradient(out)"),
        edited(good, "lambda out: out[:-1]"),
        replace(good, python="raise SystemExit(2)\n" + good.python),
        replace(good, place=None),
        replace(good, level="run", place=None),
    ]
    found = worker.each(examine, tasks)
    assert found[0] == Verdict("gradient")
    told = [(v.tier, v.stage, v.reason) for v in found[1:6]]
    for (tier, stage, reason), wanted in zip(
        told,
        [
            ("ran", "match", " differ, "),
            ("extracted", "run", "output 0 is "),
            ("extracted", "run", "output 0 is 0.0 everywhere, on all of 5 inputs"),
            ("matched", "gradient", "adjoint 0 along a direction"),
            ("ran", "match", "output 0 has shape "),
        ],
        strict=True,
    ):
        assert (tier, stage) == wanted[:2]
        assert wanted[2] in reason
    assert found[6] == Verdict("extracted", "run", "SystemExit: 2")
    assert found[7] == Verdict("ran", "match", "it is not known what it is meant to compute")
    assert found[8] == Verdict("ran")


def test_another_programs_text_is_not_matched(worker):
    """The sizes agree, the numbers do not; then the inputs do not either."""
    task, other = task_of("warp", 3), task_of("warp", 13)
    place = replace(task.place, index=13)
    wrong = replace(task, place=place)
    assert task.arguments != other.arguments
    [verdict] = worker.each(examine, [wrong])
    assert verdict == Verdict("ran", "match", "its inputs are not those of its program")


def test_warps_wrong_adjoint_of_a_loop_is_caught(worker):
    """Warp replays a loop with a count it does not see from the state at its end."""
    seen, unseen = worker.call(launches.slopes_of_products, (["3", "n"], 0.0), 60)
    assert seen == ""
    assert unseen.startswith("adjoint ")


def launch(*shape: int) -> Argument:
    return Argument("launch", "launch", "int32", shape, 0.0, 0.0)


PLAIN = """@wp.kernel
def scaled(x: wp.array(dtype=wp.vec3), n: wp.int32, whole: wp.array(dtype=wp.int32),
           out: wp.array(dtype=float), marks: wp.array(dtype=wp.int32)):
    i = wp.tid()
    wp.atomic_add(out, 0, wp.dot(x[i], x[i]) * float(n))
    wp.atomic_max(marks, 0, whole[i])
"""
FUNCTION = """
def scaled(x, n, whole):
    return n * jnp.sum(x * x), jnp.max(whole)
"""
VALUES = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(3, np.int32),
    np.array([4, 9], np.int32),
]


def test_a_kernel_is_launched_by_what_its_row_says(worker):
    given = (
        Argument("x", "input", "vec3", (2,), 0.0, 1.0),
        Argument("n", "input", "int32", (), 3, 3),
        Argument("whole", "input", "int32", (2,), 0, 9),
        Argument("out", "output", "float32", (1,), 100.0, 100.0),
        Argument("marks", "output", "int32", (1,), 5, 5),
    )
    task = ("warp", PLAIN, "scaled", (*given, launch(2)), VALUES)
    half = ("warp", PLAIN, "scaled", (*given, launch(1)), VALUES)
    lost = ("warp", PLAIN, "scaled", given, VALUES)
    odd = ("warp", PLAIN, "scaled", (replace(given[0], dtype="f32"), *task[3][1:]), VALUES)
    called = ("jax", FUNCTION, "scaled", given[:3], VALUES)
    found = worker.call(launches.launched, ([task, half, lost, odd, called], 0.0), 60)
    squares = 3 * np.sum(VALUES[0] ** 2)
    (out, marks), gradients = found[0]
    assert (out.tolist(), marks.tolist()) == ([100 + squares], [9])
    assert np.array_equal(gradients[0], 6 * VALUES[0])
    assert gradients[1:] == [None, None]
    (out, marks), gradients = found[1]
    assert (out.tolist(), marks.tolist()) == ([100 + 3 * 5.0], [5])
    assert np.array_equal(gradients[0], [[0, 6, 12], [0, 0, 0]])
    assert found[2].endswith("the last of its inputs must be the launch, with its dimension")
    assert found[3] == "LaunchError: unknown dtype 'f32'"
    (out, mark), gradients = found[4]
    assert (out.item(), mark.item()) == (squares, 9)
    assert np.array_equal(gradients[0], 6 * VALUES[0])
    assert gradients[1:] == [None, None]


def test_a_min_of_gradient_compiles_only_what_can_have_one(worker):
    config = config_of("warp", "gradient", min_verified="gradient", categories="loop,atomic")
    kernels = [generators.generate("warp", 4, n, **chosen(config)) for n in range(6)]
    lacking = [n for n, kernel in enumerate(kernels) if not kernel.differentiable]
    assert lacking
    noted: list[Rejection] = []
    compiler = Sabotage(worker, 99, None)
    found = list(rows(config, "train", 0, 6, compiler=compiler, on_reject=noted.append))
    assert all(row["differentiable"] and row["verified"] == "gradient" for row in found)
    replaced = [int(row["row_key"].partition("&variant=")[2][0]) for row in found]
    assert [n for n, variant in enumerate(replaced) if variant] == lacking
    assert sorted({(n.index, n.stage, n.reason, n.kept) for n in noted}) == [
        (n, "generate", "not differentiable", False) for n in lacking
    ]
    assert [job.python for job in compiler.jobs if job.python not in known(found)] == []
    assert len(compiler.jobs) == len(found)
    last = found[lacking[0]]
    assert jit_synthesis.regenerate(last["row_key"], worker) == last


def chosen(config: JitSynthesisConfig) -> dict:
    return {"categories": config.categories, "extended": config.extended}


def known(found: list[dict]) -> set[str]:
    return {row["python"] for row in found}
