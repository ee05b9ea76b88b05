"""The short way through XLA: a worker stops it after its passes, and every byte is the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

import generators
from extractors import (
    COLUMNS,
    Extracted,
    Extractor,
    Job,
    extract_job,
    jax_compiler,
    jax_hlo,
)

SQUARE = (("float32", (3, 5)),) * 2
ODD = {
    "no argument": ("return jnp.ones((3,))", ()),
    "no result": ("return ()", SQUARE[:1]),
    "one in a tuple": ("return (x,)", SQUARE[:1]),
    "turned": ("return x.T", SQUARE[:1]),
    "long tuple": ("return x, y, x + y, jnp.swapaxes(x, 0, 1), x * y, (x - y).T, y", SQUARE),
    "tree": ('return {"a": x.T, "b": (y.T, x)}', SQUARE),
    "large constant": ("return jnp.arange(15.0).reshape(3, 5)[::-1] * x", SQUARE[:1]),
    "callback": ('jax.debug.print("{}", x)\n    return x', SQUARE[:1]),
    "pure callback": (
        "return x + jax.pure_callback(lambda a: a, x, jax.lax.stop_gradient(x))",
        SQUARE[:1],
    ),
    "library call": ("return jnp.linalg.qr(x)", SQUARE[:1]),
    "routine that is not there": (
        "return x + jax.ffi.ffi_call('none_such', jax.ShapeDtypeStruct(x.shape, x.dtype))(x)",
        SQUARE[:1],
    ),
    "unused argument": ("return x * 2", SQUARE),
    "number in a tree": ("return x * 2, 3", SQUARE[:1]),
}


def odd_jobs() -> list[Job]:
    return [
        Job("jax", f"def f({', '.join('xy'[: len(inputs)])}):\n    {body}\n", "f", inputs)
        for body, inputs in ODD.values()
    ]


def made_jobs() -> list[Job]:
    found = []
    for language, modes in (("jax", ("both", "backward")), ("stablehlo", ("both",))):
        for index in range(len(generators.categories(language, extended=True))):
            kernel = generators.generate(language, 5, index, extended=True)
            mode = modes[index % len(modes)]
            found.append(Job(language, kernel.python, kernel.name, kernel.inputs(), mode=mode))
    return found


def test_the_short_way_gives_the_bytes_of_the_long_one():
    jobs = odd_jobs() + made_jobs()
    with Extractor("jax") as extractor:
        short = extractor.extract(jobs)
    for job, quick in zip(jobs, short, strict=True):
        assert isinstance(quick, Extracted) or "none_such" in job.python, (job, quick)
        assert quick == extract_job(job), job.python
    assert not jax_compiler._short  # the tests' own process went the long way


def test_what_is_to_be_run_has_the_same_bytes_and_is_kept_once():
    jobs = odd_jobs() + made_jobs()
    with Extractor("jax") as extractor:
        short = extractor.extract(jobs)
        run = extractor.extract([replace(job, run=True) for job in jobs])
        kept = extractor.call(taken, (jobs[-jax_hlo.KEEP :],), 300)
        again = extractor.call(taken, (jobs[-jax_hlo.KEEP :],), 300)
        left = extractor.call(taken, (jobs[: -jax_hlo.KEEP],), 300)
    assert run == short
    assert kept[-1] == ["executable", "forward", "gradient", "backward"]
    both = zip(jobs[-jax_hlo.KEEP :], kept, strict=True)
    assert all("executable" in parts for job, parts in both if job.mode != "backward")
    assert not any(again + left)


def test_what_xla_cannot_make_machine_code_of_keeps_its_text():
    job = made_jobs()[0]
    with Extractor("jax") as extractor:
        assert extractor.call(failing, (job,), 300) == [extract_job(job), ["forward"]]


def test_a_worker_makes_no_machine_code_of_plain_functions():
    jobs = [replace(job, mode="forward") for job in made_jobs()[:20] + odd_jobs()]
    with Extractor("jax") as extractor:
        found = extractor.call(long_steps, (jobs,), 300)
    others = [n for n, name in enumerate(ODD, 20) if name in ("callback", "pure callback")]
    routines = [n for n, name in enumerate(ODD, 20) if name == "library call"]
    assert {n: steps for n, steps in enumerate(found) if steps} == (
        {n: {"hlo_text": 1, "_optimized": 1} for n in others}
        | {n: {"_optimized": 1} for n in routines}
    )


def test_a_worker_that_is_killed_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Extractor("jax") as extractor:
        pid = extractor.call(os.getpid, (), 300)
        left = tmp_path / jax_compiler.DUMP.format(pid=pid)
        left.mkdir()
        (left / "half.pb").write_bytes(b"x")
        assert not isinstance(extractor.call(os._exit, (3,), 300), int)
    assert not left.exists()


def test_what_is_missing_of_the_short_way_is_made_the_long_way():
    jobs = made_jobs()[:6]
    long = [extract_job(job) for job in jobs]
    with Extractor("jax") as extractor:
        for lack in ("dump", "end of the dump", "folder", "header", "parse", "asked", "stop"):
            assert extractor.call(lacking, (lack, jobs), 300) == long, lack


def test_columns_of_no_floating_output():
    job = Job("jax", "def f(x):\n    return x > 0, 3\n", "f", SQUARE[:1])
    with Extractor("jax") as extractor:
        (outcome,) = extractor.extract([job])
    assert isinstance(outcome, Extracted)
    assert [c for c in COLUMNS["jax"] if not outcome.texts[c]] == ["hlo_backward"]


# What follows runs in the worker.


def long_steps(jobs: list[Job]) -> list[dict[str, int]]:
    """How often each job took a step of the long way."""
    made: list[dict[str, int]] = []

    def counted(name: str, step: Callable[..., str]) -> Callable[..., str]:
        def counting(given: object) -> str:
            made[-1][name] = made[-1].get(name, 0) + 1
            return step(given)

        return counting

    with pytest.MonkeyPatch.context() as patch:
        for module in (jax_compiler, jax_hlo):
            for name in ("hlo_text", "_optimized"):
                if hasattr(module, name):
                    patch.setattr(module, name, counted(name, getattr(module, name)))
        for job in jobs:
            made.append({})
            extract_job(job)
    return made


def taken(jobs: list[Job]) -> list[list[str]]:
    """The parts that were kept of each job."""
    names = ("executable", "forward", "gradient", "backward")
    found = [jax_hlo.take(job.python, job.name, job.inputs) for job in jobs]
    return [[name for name in names if getattr(kept, name) is not None] for kept in found]


def failing(job: Job) -> list[object]:
    """What becomes of a job to be run where XLA fails after its passes."""
    from jax._src import stages

    compile_it = stages.Lowered.compile

    def fail(self: object, **options: object) -> object:
        if jax_compiler._wanted is None:
            raise jax_compiler.load_jax().errors.JaxRuntimeError("INTERNAL: no machine code")
        return compile_it(self, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages.Lowered, "compile", fail)
        outcome = extract_job(replace(job, run=True, mode="forward"))
        assert isinstance(outcome, Extracted)
    backward = extract_job(replace(job, mode="backward"))
    assert isinstance(backward, Extracted)
    return [
        Extracted(backward.texts | {k: v for k, v in outcome.texts.items() if v}),
        *taken([job]),
    ]


def lacking(what: str, jobs: list[Job]) -> list[object]:
    """What becomes of jobs where a part of the short way does not work."""
    with pytest.MonkeyPatch.context() as patch:
        whole, ask = jax_compiler._dumped, jax_compiler._is_plain
        if what == "dump":
            patch.setattr(jax_compiler, "_dumped", lambda folder: b"")
        elif what == "end of the dump":
            patch.setattr(jax_compiler, "_dumped", lambda folder: whole(folder)[:-40])
        elif what == "folder":
            patch.setattr(jax_compiler.tempfile, "tempdir", "/nowhere/to/be/found")
        elif what == "parse":
            patch.setattr(jax_compiler, "_parse", lambda module: module.nothing_like_it)
        elif what == "asked":
            patch.setattr(jax_compiler, "_is_plain", lambda lowered, ask=ask: ask(object()))
        elif what == "header":
            patch.setattr(jax_compiler, "_HEAD", jax_compiler.re.compile("nothing like it"))
        else:
            patch.setattr(jax_compiler, "_short", False)
        return [extract_job(job) for job in jobs]
