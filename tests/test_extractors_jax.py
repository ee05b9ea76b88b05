"""JAX extraction: what the HLO and StableHLO texts hold, and that they repeat."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from extractors import Extracted, Extractor, Job, Rejected, extract_job

ROOT = Path(__file__).resolve().parent.parent
F8 = ("float32", (8,))
CASES = {
    "loop": (
        "def looped(x, a):\n"
        "    def body(k, s):\n"
        "        return s + jnp.sin(x) * a\n"
        "    y = jax.lax.fori_loop(0, 5, body, x)\n"
        "    return jnp.where(y > 0, y, jnp.cos(y))\n",
        "looped",
        (F8, ("float32", ())),
    ),
    "jitted": ("@jax.jit\ndef jitted(x):\n    return jnp.exp(x) * 2.0\n", "jitted", (F8,)),
    "scalar": ("def poly(x):\n    return x * x + 1.0\n", "poly", (("float32", ()),)),
    "integer": ("def counted(x, n):\n    return x * n, n + 1\n", "counted", (F8, ("int32", ()))),
    "wide": ("def wide(x):\n    return x / 3.0\n", "wide", (("float64", (4,)),)),
    "dot": (
        "def dense(a, b):\n    return jax.nn.softmax(jax.nn.relu(a @ b), axis=-1)\n",
        "dense",
        (("float32", (8, 16)), ("float32", (16, 4))),
    ),
    "constant": (
        f"T = jnp.array({[i * 0.125 for i in range(40)]})\n"
        "def tabled(x):\n    return x @ T + T.sum()\n",
        "tabled",
        (("float32", (40,)),),
    ),
}


def texts(case: str, language: str = "jax", **options: object) -> dict[str, str]:
    source, name, inputs = CASES[case]
    outcome = extract_job(Job(language, source, name, inputs, **options))  # type: ignore[arg-type]
    assert isinstance(outcome, Extracted), outcome
    return outcome.texts


def digest(cases: list[str]) -> dict[str, str]:
    return {
        f"{language} {case}": hashlib.sha256(json.dumps(texts(case, language)).encode()).hexdigest()
        for case in cases
        for language in ("jax", "stablehlo")
    }


@pytest.mark.parametrize("case", CASES)
def test_hlo_texts_begin_as_hlo_and_hold_no_origin(case):
    found = texts(case)
    name = CASES[case][1]
    assert found["hlo_forward"].startswith(f"HloModule jit_{name},")
    assert found["hlo_optimized"].startswith(f"HloModule jit_{name},")
    assert found["hlo_backward"].startswith(f"HloModule jit_{name}_grad,")
    for text in [*found.values(), *texts(case, "stablehlo").values()]:
        assert not re.search(
            r"metadata=|FileNames|StackFrames|<kernel>|\.py|loc\(|0x[0-9a-f]{6}|/work", text
        )
        assert "{...}" not in text


def test_hlo_is_what_jax_prints():
    import jax

    space: dict[str, object] = {"jax": jax, "jnp": jax.numpy}
    source, name, inputs = CASES["loop"]
    exec(source, space)
    arguments = [jax.ShapeDtypeStruct(shape, dtype) for dtype, shape in inputs]
    lowered = jax.jit(space[name]).lower(*arguments)  # type: ignore[arg-type]
    assert texts("loop")["hlo_forward"] == lowered.as_text(dialect="hlo")
    assert texts("loop", "stablehlo", mode="forward")["cpp"] == lowered.as_text()


@pytest.mark.parametrize("case", CASES)
def test_skipping_machine_code_optimization_changes_no_text(case, monkeypatch):
    quick = texts(case)
    monkeypatch.setattr("extractors.jax_compiler.COMPILER_OPTIONS", None)
    assert texts(case) == quick


def test_the_number_of_cores_is_not_in_the_text():
    job = Job("jax", "def f(x):\n    return jnp.sin(x)", "f", (("float32", (1024, 1024)),))
    with Extractor("jax") as extractor:
        (outcome,) = extractor.extract([job])
    assert isinstance(outcome, Extracted)
    assert "fusion" in outcome.texts["hlo_optimized"] or "sine" in outcome.texts["hlo_optimized"]
    assert "partitions" not in outcome.texts["hlo_optimized"]


def test_gradient_is_with_respect_to_every_floating_argument():
    assert "->(f32[8]{0}, f32[])}" in texts("loop")["hlo_backward"]
    assert "->f32[8]{0}}" in texts("integer")["hlo_backward"]
    for source, inputs in (
        ("def f(x):\n    return x * 2", (("int32", (4,)),)),
        ("def f(x):\n    return x > 0", (("float32", (4,)),)),
    ):
        outcome = extract_job(Job("jax", source, "f", inputs))
        assert isinstance(outcome, Extracted)
        assert outcome.texts["hlo_backward"] == ""
        assert outcome.texts["hlo_forward"]


def test_64_bit_only_where_an_input_asks_for_it():
    assert "f64[4]" in texts("wide")["hlo_forward"]
    assert "f64" not in texts("integer")["hlo_forward"]
    assert "s64" not in texts("integer")["hlo_forward"]


def test_modes_and_devices_pick_columns():
    def filled(found: dict[str, str]) -> list[str]:
        return [column for column, text in found.items() if text]

    both = texts("loop")
    assert filled(both) == ["hlo_forward", "hlo_backward", "hlo_optimized"]
    assert filled(texts("loop", mode="forward")) == ["hlo_forward", "hlo_optimized"]
    assert filled(texts("loop", mode="backward")) == ["hlo_backward"]
    assert texts("loop", mode="backward")["hlo_backward"] == both["hlo_backward"]
    assert texts("loop", device="cuda") == both
    both = texts("loop", "stablehlo")
    forward = texts("loop", "stablehlo", mode="forward")
    backward = texts("loop", "stablehlo", mode="backward")
    assert forward["cpp"].startswith("module @jit_looped ")
    assert forward["cuda"] == texts("loop")["hlo_optimized"]
    assert backward["cpp"].startswith("module @jit_looped_grad ")
    assert backward["cuda"].startswith("HloModule jit_looped_grad,")
    assert both == {c: forward[c] + "\n" + backward[c] for c in ("cpp", "cuda")}
    assert filled(texts("loop", "stablehlo", device="cpu")) == ["cpp"]
    assert filled(texts("loop", "stablehlo", device="cuda")) == ["cuda"]


def test_same_bytes_again_in_another_order_and_in_a_fresh_process():
    names = ["loop", "jitted", "integer", "dot", "wide"]
    first = digest(names)
    assert digest(names[::-1]) == first
    script = (
        "import json, sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/tests']\n"
        "from test_extractors_jax import digest\n"
        f"print(json.dumps(digest({names[::-1]!r})))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert json.loads(out.stdout.splitlines()[-1]) == first


@pytest.mark.parametrize(
    ("source", "stage", "reason"),
    [
        ("def (", "import", "SyntaxError"),
        ("x = jnp.nope", "import", "has no attribute 'nope'"),
        ("y = 1", "import", "no function named 'f' in the text"),
        ("raise SystemExit(3)", "import", "SystemExit: 3"),
        ("def f(x):\n    return x + jnp.zeros((3,))", "trace", "incompatible shapes"),
        ("def f(x):\n    return object()", "trace", "not a valid JAX type"),
        ("def f(x):\n    if x[0] > 0:\n        return x\n    return -x", "trace", "boolean"),
        ("def f(x):\n    raise SystemExit(3)", "trace", "SystemExit: 3"),
    ],
)
def test_what_jax_refuses_is_rejected_with_a_reason(source, stage, reason):
    outcome = extract_job(Job("jax", source, "f", (F8,)))
    assert isinstance(outcome, Rejected)
    assert outcome.stage == stage
    assert reason in outcome.reason
    assert "\n" not in outcome.reason


def test_a_dtype_that_jax_lacks_is_rejected():
    outcome = extract_job(Job("jax", "def f(x):\n    return x", "f", (("vec3", (8,)),)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("unknown dtype 'vec3': choose from bool, int8")


def test_nothing_is_kept():
    source = "def k{n}(x):\n    return jnp.sum(jnp.tanh(x) * {n}.5)\n"

    def some(start: int, count: int) -> None:
        for i in range(start, start + count):
            job = Job("jax", source.format(n=i), f"k{i}", (("float32", (4 + i % 7,)),))
            assert isinstance(extract_job(job), Extracted)

    some(0, 64)
    gc.collect()
    before = rss_mb()
    some(64, 150)
    gc.collect()
    assert rss_mb() - before < 20


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
