"""Warp's steps made quicker: the same texts and refusals, and nothing of it left behind."""

from __future__ import annotations

from typing import Any

import pytest
from test_extractors_warp import CASES, OVERLOADS, PLAIN

from extractors import Extracted, Job, Rejected, extract_job, warp_speed
from extractors.warp_codegen import load_warp
from generators import categories, generate

SEED = 3
KERNELS = 420
# Kinds of arguments and variables that generated kernels seldom have.
UNUSUAL = """@wp.struct
class Pair:
    x: wp.float64
    items: wp.array(dtype=wp.vec3)

@wp.func
def split(v: wp.vec3):
    return v[0], wp.normalize(v)

@wp.func
def twice(f: wp.Function, x: float):
    return f(f(x))

vec7 = wp.types.vector(length=7, dtype=wp.float16)

@wp.kernel
def scaled(
    a: wp.array2d(dtype=wp.float64),
    p: Pair,
    b: wp.array(dtype=float),
    c: wp.indexedarray(dtype=float),
):
    i, j = wp.tid()
    q = Pair(a[i, j], p.items)
    first, unit = split(q.items[i])
    t = wp.tile_zeros(shape=8, dtype=Pair)
    s = wp.tile_load(b, shape=8)
    long = vec7(wp.float16(first))
    mine = wp.zeros(shape=(3,), dtype=float)
    mine[0] = twice(wp.sin, unit[1]) + c[j]
    while mine[0] > 1.0:
        mine[0] = wp.clamp(x=mine[0], low=0.0, high=0.5)
        if wp.float32(long[2]) > 3.0:
            return
    for k in range(3):
        a[i, j] += wp.float64(wp.tile_sum(s)[0]) + wp.float64(mine[k]) * q.x
    wp.printf("%d\\n", i)
"""
REFUSED = {
    "no such overload": PLAIN.replace("wp.sin(a[i])", "wp.dot(a[i], 1.0)"),
    "no such name": PLAIN.replace("wp.sin", "wp.nope"),
    "a value returned": PLAIN.replace("x = x * 2.0", "return x"),
    "too few arguments": PLAIN.replace("wp.sin(a[i])", "wp.clamp(a[i])"),
    "too many results": PLAIN.replace("x = wp.sin(a[i])", "x, y = wp.sin(a[i])"),
    "types differ": PLAIN.replace("x * 2.0", "x * 2"),
    "a generic kernel": OVERLOADS.split("wp.overload")[0],
    "no text": "def (",
}


def jobs() -> list[Job]:
    """Kernels of every category in every mode, the unusual and the refused."""
    made = [generate("warp", SEED, index, extended=True) for index in range(KERNELS)]
    assert {kernel.category for kernel in made} == set(categories("warp", extended=True))
    ways: list[dict[str, Any]] = [{}] * 6 + [{"mode": "forward"}, {"mode": "backward"}]
    ways.append({"preamble": True})
    found = [
        Job("warp", kernel.python, kernel.name, **ways[i % len(ways)])
        for i, kernel in enumerate(made)
    ]
    for text, name in [*CASES.values(), (UNUSUAL, "scaled")]:
        found += [Job("warp", text, name, **way) for way in ways[5:]]
    with_lines = UNUSUAL.replace("    i, j", '    # "#line 3"\n    i, j')
    found.append(Job("warp", with_lines, "scaled"))
    option = 'wp.set_module_options({"lineinfo": True})\n'
    found.append(Job("warp", option + PLAIN, "scaled"))
    return found + [Job("warp", text, "scaled") for text in REFUSED.values()]


def state() -> list[Any]:
    """Everything that stands in Warp's modules and in the classes that are stood in for."""
    source = load_warp()._src
    owners = [source.codegen, source.context, source.types, source.builtins]
    owners += [source.codegen.Adjoint, source.codegen.Var, source.context.ModuleBuilder]
    found = [(owner, name, id(value)) for owner in owners for name, value in vars(owner).items()]
    return [entry for entry in found if entry[1] != "options"]  # of Warp's latest build


@pytest.fixture
def fresh():
    """Let the steps be made anew, here and for the next test."""
    warp_speed.quick_steps.cache_clear()
    yield
    warp_speed.quick_steps.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_same_outcomes_with_and_without(monkeypatch):
    warp = load_warp()
    every = jobs()
    assert warp_speed.quick_steps(warp).replaced or warp.__version__ != "1.19.0"
    quick = [extract_job(job) for job in every]
    monkeypatch.setitem(warp_speed.WRITTEN_FOR, "codegen.Var.emit", "another text")
    warp_speed.quick_steps.cache_clear()
    assert not warp_speed.quick_steps(warp).replaced
    for job, outcome in zip(every, quick, strict=True):
        assert extract_job(job) == outcome, job.python
    good = sum(isinstance(outcome, Extracted) for outcome in quick)
    assert good == len(every) - len(REFUSED)
    assert all(isinstance(outcome, Rejected) for outcome in quick[-len(REFUSED) :])


def test_another_warp_is_left_alone(monkeypatch):
    warp = load_warp()
    assert warp_speed.fits(warp) or warp.__version__ != "1.19.0"
    for change in ("codegen.gone", "codegen.Adjoint.gone", "codegen.options"):
        with monkeypatch.context() as patched:
            patched.setitem(warp_speed.WRITTEN_FOR, change, "0")
            assert not warp_speed.fits(warp)
    with monkeypatch.context() as patched:
        patched.setattr(warp._src.codegen, "get_arg_type", lambda arg: arg)
        assert not warp_speed.fits(warp)


@pytest.mark.usefixtures("fresh")
def test_nothing_stays_in_warp():
    warp = load_warp()
    extract_job(Job("warp", PLAIN, "scaled"))  # what Warp itself makes once
    before = state()
    extract_job(Job("warp", UNUSUAL, "scaled"))
    for text in REFUSED.values():
        extract_job(Job("warp", text, "scaled"))
    assert state() == before
    seen: list[Any] = []

    def broken_off() -> None:
        with warp_speed.quick(warp), warp_speed.quick(warp):
            seen.append(warp._src.codegen.Adjoint)
            assert state() != before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert state() == before
    assert seen[0] is not warp._src.codegen.Adjoint
    assert not isinstance(wp_kernel().adj, seen[0])


def wp_kernel() -> Any:
    """A kernel of the user's own, declared when no text is being made."""
    import warp as wp

    @wp.kernel
    def mine(a: wp.array(dtype=float)):  # type: ignore[valid-type]
        a[wp.tid()] = 1.0

    return mine


@pytest.mark.usefixtures("fresh")
def test_what_is_remembered_has_a_limit(monkeypatch):
    warp = load_warp()
    remembered = warp_speed.quick_steps(warp).remembered
    before = [extract_job(Job("warp", *case)) for case in CASES.values()]
    held = len(remembered)
    struct = "@wp.struct\nclass S{n}:\n    x: float\n"
    body = PLAIN.replace("wp.sin(a[i])", "S{n}(a[i]).x")
    for n in range(30):  # a user's types are not remembered
        outcome = extract_job(Job("warp", (struct + body).format(n=n), "scaled"))
        assert isinstance(outcome, Extracted)
    assert len(remembered) <= held + 5
    kept = repr(list(remembered.items()))
    assert "S1" not in kept
    monkeypatch.setattr(warp_speed, "MOST", 4)
    sizes = set()
    remembered.clear()
    for case, outcome in zip(CASES.values(), before, strict=True):
        assert extract_job(Job("warp", *case)) == outcome
        sizes.add(len(remembered))
    assert 0 < max(sizes) <= 4
