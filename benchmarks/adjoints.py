"""Surveys Warp's adjoints: each built-in alone, its adjoint beside central differences of itself.

``python benchmarks/adjoints.py`` prints a Markdown table: how often a built-in was checked (each
overload at three points), how often it was right or wrong, and why others were not checked.
``--all`` adds the built-ins that Warp says have no adjoint: "none" counts points where
the derivative is not zero. What is wrong is looked at by hand (a kink, a pole, float32) before
it is entered in `tests/wrong_adjoints.py`. Overloads in other precisions than float64 are left out
where there is one in float64; what has open types (components, tiles) is written out in
`adjoints_written.py`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from adjoints_written import WRITTEN

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from compare_adjoints import PRECISION, Case, compare, load

# What needs objects that are built outside of kernels, or more than one thread.
OUTSIDE = re.compile(
    r"mesh|texture|volume|hash_grid|bvh|atomic|^dense_|^print$|^array|address|view"
)
# Warp's names of kinds of types, with what stands for them here.
NAMES = ("vec2", "vec3", "vec4", "mat22", "mat33", "mat44", "quat", "transform")
# Where the plain call on any numbers asks for what the function is not made for.
SPELLED = {
    "eig3": "wp.eig3(x0[0] + wp.transpose(x0[0]))",
    "svd2": "wp.svd2(x0[0])",
    "acosh": "wp.acosh(x0[0] + wp.float64(1.0))",
    "erfcinv": "wp.erfcinv(x0[0] * wp.float64(1.5))",
    "quat_to_euler": "wp.quat_to_euler(x0[0], 0, 1, 2)",
    "quat_from_euler": "wp.quat_from_euler(x0[0], 0, 1, 2)",
}


def names_of_types() -> dict[Any, str]:
    """Return how each type is written in a kernel."""
    import warp as wp

    short = [n + letter for n in NAMES for letter in "fd"]
    short += [n + letter for n in ("spatial_vector", "spatial_matrix") for letter in "fd"]
    short += ["float32", "float64", "int32", "uint32", "bool"]
    return {getattr(wp, name): f"wp.{name}" for name in short}


def concrete(given: Any) -> Any:
    """Return a type with float64 and width 3 where Warp leaves them open; others as they are."""
    import warp as wp
    from warp._src import types

    hint = getattr(given, "_wp_generic_type_hint_", None)
    if hint is not None:
        scalar, shape = given._wp_scalar_type_, given._shape_
        scalar = wp.float64 if str(scalar) in ("~Float", "~Scalar", "typing.Any") else scalar
        shape = tuple(extent or 3 for extent in shape)
        if hint is types.Vector:
            return types.vector(shape[0], scalar)
        if hint is types.Matrix:
            return types.matrix(shape, scalar)
        return (
            types.quaternion(scalar) if hint is types.Quaternion else types.transformation(scalar)
        )
    open_ = {"~Float": wp.float64, "~Scalar": wp.float64, "~Int": wp.int32}
    plain = {float: wp.float32, int: wp.int32, bool: wp.bool}
    return open_.get(str(given), plain.get(given, given)) if not hint else given


def written(given: Any, names: dict[Any, str]) -> str:
    """Return a type as it is written in a kernel, or nothing if there is no plain way."""
    if not isinstance(given, type):
        return ""
    if given in names:
        return names[given]
    kind = [getattr(given, f"_{n}_", None) for n in ("wp_generic_type_hint", "shape")]
    kind.append(getattr(given, "_wp_scalar_type_", None))
    for other, name in names.items():
        if kind[0] is not None and kind == [
            getattr(other, "_wp_generic_type_hint_", None),
            getattr(other, "_shape_", None),
            getattr(other, "_wp_scalar_type_", None),
        ]:
            return name
    return ""


# What components are drawn from: where most are defined, both signs, and beyond one. Numbers
# near zero are left out, since many have a pole or a kink there.
SPANS = ((0.2, 0.9), (-0.9, 0.9), (1.1, 3.0))
LEAST = 0.2


class Away(np.random.Generator):
    """Draws numbers that are not near zero."""

    def uniform(self, low, high, size=None):
        found = np.asarray(super().uniform(low, high, size))
        return np.where(np.abs(found) < LEAST, found + np.copysign(LEAST, found), found)


def drawn(name: str, span: tuple[float, float], rng) -> Any:
    """Return the one value of an argument of a type; quaternions are of length 1."""
    kind = name.removeprefix("wp.").rstrip("fd")
    if kind in ("int32", "uint32"):
        return int(rng.integers(1, 3))
    if kind == "bool":
        return True
    if kind == "quat":
        q = rng.uniform(*span, 4)
        return [q / np.linalg.norm(q)]
    if kind == "transform":
        q = rng.uniform(*span, 4)
        return [[*rng.uniform(*span, 3), *(q / np.linalg.norm(q))]]
    if kind.startswith("mat") or kind == "spatial_matrix":
        n = 6 if kind == "spatial_matrix" else int(kind[-1])
        return [rng.uniform(*span, (n, n)) + np.diag(np.arange(n) + 1.0)]
    if kind.startswith(("vec", "spatial_vector")):
        return [rng.uniform(*span, 6 if "spatial" in kind else int(kind[-1]))]
    return [float(rng.uniform(*span))]


def signatures(function: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield each overload that can be tried, with its types as they are written."""
    names, seen = names_of_types(), set()
    for overload in getattr(function, "overloads", None) or [function]:
        types = tuple(written(concrete(t), names) for t in overload.input_types.values())
        if all(types) and types not in seen and not overload.variadic:
            seen.add(types)
            yield overload, types


def wide(types: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same types in float64."""
    return tuple(re.sub(r"float32$", "float64", re.sub(r"(?<=[t\drmx])f$", "d", t)) for t in types)


def result_types(overload: Any, types: tuple[str, ...]) -> list[str]:
    """Return the types of what it returns as they are written; empty if that is not known."""
    import warp as wp

    names = names_of_types()
    given = [getattr(wp, t.removeprefix("wp.")) for t in types]
    arguments = dict(zip(overload.input_types, given, strict=True))
    found = overload.value_func(arguments, None) if overload.value_func else overload.value_type
    many = list(found) if isinstance(found, list | tuple) else [found]
    result = [written(concrete(t), names) for t in many]
    return result if all(result) else []


def cases_of(overload: Any, types: tuple[str, ...], label: str, rng) -> list[Case] | str:
    """Return the cases of an overload, one kernel at several points, or why there are none."""
    floats = [t not in ("wp.int32", "wp.uint32", "wp.bool") for t in types]
    if not any(floats):
        return "no floats"
    try:
        results = result_types(overload, types)
    except Exception as error:  # noqa: BLE001  an internal function of Warp's
        return f"result not known ({type(error).__name__})"
    if not results or any("int" in r or "bool" in r for r in results):
        return "no result of floats"
    function = overload.key
    header = [
        f"x{n}: wp.array(dtype={t})" if real else f"x{n}: {t}"
        for n, (t, real) in enumerate(zip(types, floats, strict=True))
    ]
    header += [f"out{n}: wp.array(dtype={t})" for n, t in enumerate(results)]
    arguments = [f"x{n}[0]" if real else f"x{n}" for n, real in enumerate(floats)]
    call = SPELLED.get(function, f"wp.{function}({', '.join(arguments)})")
    left = [f"r{n}" for n in range(len(results))]
    lines = [f"{', '.join(left)} = {call}", *(f"out{n}[0] = r{n}" for n in range(len(left)))]
    body = "\n".join(f"    {line}" for line in lines)
    single = any(t.endswith(("f", "32")) and "int" not in t for t in (*types, *results))
    text = f"def {label}({', '.join(header)}):\n{body}\n"
    outputs = {f"out{n}": 1 for n in range(len(results))}
    return [
        Case(
            f"{label}_{point}", text,
            {f"x{n}": drawn(t, span, rng) for n, t in enumerate(types)} | outputs,
            precision="float32" if single else "float64",
        )
        for point, span in enumerate(SPANS)
    ]  # fmt: skip


def accepted(cases: dict[str, Case]) -> dict[str, str]:
    """Return what Warp's code generator has against each kernel that it refuses."""
    import warp as wp
    from warp._src import context

    refused = {}
    with tempfile.TemporaryDirectory() as folder:
        sources = {case.kernel: case.source for case in cases.values()}
        module = load("".join(sources.values()), folder, "tried_kernels")
        for name in sources:
            kernel = getattr(module, name)
            options = kernel.module.resolve_options(wp.config)
            options |= {"output_arch": None, "strip_hash": True, "block_dim": 1}
            try:
                hasher = context.ModuleHasher([kernel], options)
                context.ModuleBuilder(kernel.module, options, hasher=hasher).codegen("cpu")
            except Exception as error:  # noqa: BLE001  whatever Warp has to say of the kernel
                refused[name] = " ".join(str(error).split())[-100:]
    return refused


def gathered(every: bool, only: str) -> tuple[dict[str, Case], dict[str, str], dict[str, str]]:
    """Return the cases, the built-in of each, and why the other overloads have none."""
    from warp._src import context

    rng = Away(np.random.PCG64(3))
    cases, builtin, unchecked = {}, {}, {}
    for name, function in sorted(context.builtin_functions.items()):
        overloads = getattr(function, "overloads", None) or [function]
        told = [o.is_differentiable for o in overloads]
        if not (any(told) or every) or not re.search(only, name):
            continue
        if OUTSIDE.search(name) or name.startswith("tile"):
            unchecked[name] = "needs more than a thread" if "tile" not in name else ""
            continue
        found = list(signatures(function))
        known = {types for _, types in found}
        for number, (overload, types) in enumerate(found):
            if (types != wide(types) and wide(types) in known) or not (
                overload.is_differentiable or every
            ):
                continue
            label = f"try_{name}_{number}"
            some = cases_of(overload, types, label, rng)
            if isinstance(some, str):
                unchecked.setdefault(name, some)
                continue
            for case in some:
                cases[case.name], builtin[case.name] = case, name
        if not found:
            unchecked[name] = "its types are open (any, functions, tiles)"
    return cases, builtin, unchecked


def main() -> None:
    """Survey the built-ins, print a table and each gradient that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="those without an adjoint too")
    parser.add_argument("--only", default="", help="a regular expression of names")
    chosen = parser.parse_args()
    from warp._src import context

    cases, builtin, unchecked = gathered(chosen.all, chosen.only)
    for case in WRITTEN:
        name = case.name.removeprefix("try_").partition("__")[0]
        if re.search(chosen.only, name):
            cases[case.name], builtin[case.name] = case, name
            unchecked.pop(name, None)
    refused = accepted(cases)
    for label, case in cases.items():
        if case.kernel in refused:
            unchecked.setdefault(builtin[label], f"refused: {refused[case.kernel]}")
    compared = compare([case for case in cases.values() if case.kernel not in refused])
    counts: dict[str, Counter] = defaultdict(Counter)
    for label, found in compared.items():
        name, case = builtin[label], cases[label]
        if found.failed:
            unchecked.setdefault(name, found.failed)
            continue
        if not all(np.isfinite(d).all() for d in found.differences.values()):
            continue  # outside its domain
        bad = [n for n in found.adjoint if not found.apart(n) <= PRECISION[case.precision][1]]
        function = context.builtin_functions[name]
        told = any(o.is_differentiable for o in getattr(function, "overloads", None) or [function])
        counts[name]["wrong" if bad and told else "none" if bad else "right"] += 1
        for argument in bad:
            print(f"{label} {argument}: adjoint {np.round(found.adjoint[argument], 5).tolist()}, "
                  f"differences {np.round(found.differences[argument], 5).tolist()}")  # fmt: skip
            print("    " + cases[label].text.strip().replace("\n", "\n    "))
    print(
        "\n| built-in | checked | right | wrong | none | not checked |\n|---|--:|--:|--:|--:|---|"
    )
    for name in sorted(counts | unchecked):
        c = counts[name]
        row = [name, c.total(), c["right"], c["wrong"], c["none"], unchecked.get(name, "")]
        print("| " + " | ".join(map(str, row)) + " |")
    total = sum(counts.values(), Counter())
    print(f"\n{total.total()} checked of {len(counts)} built-ins: {dict(total)}")


if __name__ == "__main__":
    main()
