"""Runs kernels of one program written in both languages and compares numbers and gradients.

``python tests/run_both.py CACHE LANGUAGE FIRST COUNT [CATEGORY ...]`` prints one JSON line a
kernel; those of the families are left to `run_families`. What only Warp can say is compared with
the reference instead of a JAX function: numbers, and gradients with central differences of it. A
process of its own: one that has used JAX must not be forked from, and the test suite forks.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
import warp as wp
from run_families import apart

from generators import categories
from generators.builders import sample
from generators.jax_source import JaxWriter
from generators.reference import run
from generators.tables import families
from generators.warp_source import WarpWriter

SEED = 5


def written(language: str, first: int, count: int, names: list[str]) -> list[tuple]:
    """Return (category, index, program, Warp kernel, JAX function) of the kernels asked for."""
    found, both = [], categories("paired", extended=True)
    own = [c for c in categories(language, extended=True) if c not in families("warp")]
    for category in names or own:
        for index in range(first, first + count):
            program, draw = sample(language, category, SEED, "train", index, 0)
            warp = WarpWriter(program, draw("text"), draw("names"), twin=True)
            twin = JaxWriter(program, draw("twin"), draw("names")) if category in both else None
            found.append((category, index, program, warp, twin))
    return found


def array(argument, rng: np.random.Generator, dtype: str):
    """Return an argument's values as NumPy and as a Warp array, or a plain number twice."""
    if not argument.shape:
        whole = argument.dtype == "int32"
        value = int(argument.low) if whole else float(rng.uniform(argument.low, argument.high))
        return value, value
    if argument.dtype.startswith(("int", "uint")):
        values = rng.integers(int(argument.low), int(argument.high) + 1, argument.shape)
        values = values.astype(argument.dtype)
        return values, wp.array(values, dtype=getattr(wp, argument.dtype), device="cpu")
    vector = argument.dtype.startswith("vec")
    shape = argument.shape + ((int(argument.dtype[3]),) if vector else ())
    values = rng.uniform(argument.low, argument.high, shape).astype(dtype)
    element = getattr(wp, argument.dtype)
    return values, wp.array(values, dtype=element, requires_grad=True, device="cpu")


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference, relative to the largest wanted value."""
    if np.asarray(found).dtype.kind != "f" and np.mean(found != wanted) < 0.02:
        return 0.0  # a value so near a whole number that its fraction is lost to rounding
    found, wanted = (np.asarray(a, dtype=float).reshape(-1) for a in (found, wanted))
    return float(np.max(np.abs(found - wanted)) / max(float(np.max(np.abs(wanted))), 1e-3))


def steepness(program, inputs: list, launched: list, rng: np.random.Generator) -> float:
    """Return how far Warp's gradients are from central differences of the reference."""
    step, worst = 1e-6, 0.0
    for place, array_ in enumerate(launched):
        if not isinstance(array_, wp.array) or not array_.requires_grad:
            continue
        held = np.asarray(inputs[place], dtype=float)
        way = rng.choice((-1.0, 1.0), held.shape)
        totals = []
        for sign in (1, -1):
            moved = [*inputs[:place], held + sign * step * way, *inputs[place + 1 :]]
            totals.append(sum(float(out.sum()) for out in run(program, moved) if _real(out)))
        wanted = (totals[0] - totals[1]) / (2 * step)
        changes = array_.grad.numpy().astype(float)
        scale = max(abs(wanted), float(np.abs(changes).sum()) * 0.1, 1e-3)
        worst = max(worst, abs(float((changes * way).sum()) - wanted) / scale)
    return worst


def compare(program, kernel, arguments, source: str, name: str) -> dict[str, float]:
    """Run a kernel and a function on the same inputs; return how far apart they are."""
    rng = np.random.default_rng(1)
    with jax.enable_x64(program.dtype == "float64"):
        pairs = [array(a, rng, program.dtype) for a in arguments]
        inputs = [
            (value, launched)
            for (value, launched), a in zip(pairs, arguments, strict=True)
            if a.role == "input" and (a.shape or a.dtype != "int32")  # no trip counts
        ]
        outputs = [p[1] for p, a in zip(pairs, arguments, strict=True) if a.role == "output"]
        extents = dict(program.extents)
        tape = wp.Tape()
        with tape:
            space = tuple(extents[a] for a in program.space)
            wp.launch(kernel, dim=space, inputs=[p[1] for p in pairs], device="cpu")
        tape.backward(grads={out: wp.ones_like(out) for out in outputs if out.requires_grad})
        real = [np.asarray(v, dtype=float) if _real(v) else v for v, _ in inputs]
        found = [out.numpy() for out in outputs]
        told = run(program, real)
        reference = max(distance(out, w) for out, w in zip(found, told, strict=True))
        if not source:
            launched = [launched for _, launched in inputs]
            gradient = steepness(program, real, launched, rng)
            flat = any(np.ptp(out) == 0 for out in found if out.size > 1)
            return {"value": reference, "gradient": gradient, "flat": flat, "reference": reference}

        scope = {"jax": jax, "jnp": jnp}
        exec(source, scope)
        function = scope[name]
        values = [jnp.asarray(v, dtype=program.dtype if _real(v) else None) for v, _ in inputs]
        wanted = jax.tree.leaves(function(*values))
        total = lambda *a: sum(jnp.sum(leaf) for leaf in jax.tree.leaves(function(*a)))  # noqa: E731
        places = tuple(n for n, (v, _) in enumerate(inputs) if _real(v))
        gradients = jax.grad(total, argnums=places)(*values)
        value = max(distance(out, w) for out, w in zip(found, wanted, strict=True))
        gradient = [
            distance(launched.grad.numpy(), g)
            for launched, g in zip([inputs[n][1] for n in places], gradients, strict=True)
            if isinstance(launched, wp.array)
        ]
        flat = any(np.ptp(np.asarray(w)) == 0 for w in wanted if w.size > 1)
        return {
            "value": value,
            "gradient": max(gradient),
            "flat": flat,
            "reference": reference,
        }


def _real(value) -> bool:
    return np.asarray(value).dtype.kind == "f"


def main() -> None:
    """Compare what the command line asks for."""
    cache, language, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    wp.config.kernel_cache_dir = cache
    wp.config.optimization_level = 0  # a third of the time, the same numbers
    kernels = written(language, first, count, sys.argv[5:])
    texts, found = ["import warp as wp\n"], []
    for category, index, program, warp, function in kernels:
        python, arguments = warp.kernel()
        name, called = f"{category}_{index}", warp.names.kernel
        texts.append(apart(python, name))
        source = function.kernel()[0] if function else ""
        found.append((name, program, arguments, source, called))
    path = Path(cache) / "both_kernels.py"  # one module: its compiling is shared
    path.write_text("\n".join(texts))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)  # pyright: ignore
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)  # pyright: ignore
    for name, program, arguments, source, called in found:
        kernel = getattr(module, f"{called}_{name}")
        result = compare(program, kernel, arguments, source, called)
        more = {"name": name, "dtype": program.dtype, "differentiable": program.differentiable}
        print(json.dumps(more | result), flush=True)


if __name__ == "__main__":
    main()
