"""The short way through XLA: a worker stops it after its passes, and every byte is the same."""

from __future__ import annotations

import pytest

import generators
from extractors import COLUMNS, Extracted, Extractor, Job, extract_job, jax_compiler

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
        assert isinstance(quick, Extracted), (job, quick)
        assert quick == extract_job(job), job.python
    assert not jax_compiler._short  # the tests' own process went the long way


def test_a_worker_makes_no_machine_code_of_plain_functions():
    with Extractor("jax") as extractor:
        found = extractor.call(executables, (made_jobs()[:20] + odd_jobs(),), 300)
    callbacks = [n for n, name in enumerate(ODD, 20) if "callback" in name]
    assert [n for n, made in enumerate(found) if made] == callbacks


def test_what_is_missing_of_the_short_way_is_made_the_long_way():
    jobs = made_jobs()[:6]
    long = [extract_job(job) for job in jobs]
    with Extractor("jax") as extractor:
        for lack in ("dump", "end of the dump", "folder", "header", "stop"):
            assert extractor.call(lacking, (lack, jobs), 300) == long, lack


def test_columns_of_no_floating_output():
    job = Job("jax", "def f(x):\n    return x > 0, 3\n", "f", SQUARE[:1])
    with Extractor("jax") as extractor:
        (outcome,) = extractor.extract([job])
    assert isinstance(outcome, Extracted)
    assert [c for c in COLUMNS["jax"] if not outcome.texts[c]] == ["hlo_backward"]


# What follows runs in the worker.


def executables(jobs: list[Job]) -> list[int]:
    """How many executables the texts of each job took."""
    made: list[int] = []
    compile_ = jax_compiler._optimized

    def counted(executable: object) -> str:
        made[-1] += 1
        return compile_(executable)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax_compiler, "_optimized", counted)
        for job in jobs:
            made.append(0)
            extract_job(job)
    return made


def lacking(what: str, jobs: list[Job]) -> list[object]:
    """What becomes of jobs where a part of the short way does not work."""
    with pytest.MonkeyPatch.context() as patch:
        whole = jax_compiler._dumped
        if what == "dump":
            patch.setattr(jax_compiler, "_dumped", lambda folder: b"")
        elif what == "end of the dump":
            patch.setattr(jax_compiler, "_dumped", lambda folder: whole(folder)[:-40])
        elif what == "folder":
            patch.setattr(jax_compiler.tempfile, "tempdir", "/nowhere/to/be/found")
        elif what == "header":
            patch.setattr(jax_compiler, "_HEAD", jax_compiler.re.compile("nothing like it"))
        else:
            patch.setattr(jax_compiler, "_short", False)
        return [extract_job(job) for job in jobs]
