"""What configs, columns and tiers mean, in words: the one source of the card and of the README."""

from __future__ import annotations

from typing import Any, NamedTuple

import datasets

from jit_synthesis import FEATURES


class Column(NamedTuple):
    """A column in one sentence, and what a manual adds to it."""

    told: str
    more: str = ""


# What stands in the two kinds of columns of a config: Python, compiled texts.
CONFIGS = {
    "warp": ("a `@wp.kernel`", "C++ and CUDA of the kernel and of its adjoint"),
    "jax": ("a function of `jax.numpy`", "HLO of it, of its gradient, and after XLA's passes"),
    "stablehlo": (
        "a function of `jax.numpy` under `@jax.jit`",
        "StableHLO in `cpp`, optimized HLO in `cuda`: the columns of `warp`, for scripts that "
        "read those",
    ),
    "paired": (
        "one program as a `@wp.kernel` and as a function of `jax.numpy`",
        "C++ and CUDA of the one, HLO of the other",
    ),
}

TIERS = {
    "extracted": "the compiler took the text; the columns are what it made of it",
    "ran": "the compiled code (Warp: the CPU build; JAX: XLA's executable) ran on five draws of "
    "inputs from the declared intervals, ends of the intervals among them, and gave finite "
    "output, no output always one number",
    "matched": "each element of each output equals the program's own reference, NumPy in "
    "float64, within its tolerance, on the same inputs; and, where the text holds for other "
    "sizes, at sizes of one and at odd primes that no block divides. Of a pair, Warp and JAX "
    "agree as well",
    "gradient": "the adjoint (Warp's backward kernel with random cotangents; JAX's executable of "
    "`hlo_backward`) equals central differences of the reference along random directions, and "
    "number by number for small inputs, away from kinks",
}

COLUMNS = {
    "id": Column("The row's index in its split."),
    "kernel_name": Column(
        "The function's name, from a field such as physics, graphics, statistics or finance."
    ),
    "python": Column(
        "The source: the kernel, `kernel_name`, with the functions, structs and constants it uses.",
        "JAX: `exec` it where `jax` and `jnp` are imported. Warp reads a kernel from its file: "
        "write `import warp as wp` and the text to a `.py` file and import that. Extracting from "
        "it alone gives the compiled columns again, byte for byte.",
    ),
    "python_warp": Column(
        "The program as a Warp kernel, `kernel_name`, with the functions, structs and constants "
        "it uses."
    ),
    "python_jax": Column("The program of `python_warp` as a JAX function of the same name."),
    "cpp": Column(
        "C++ of Warp's code generator: forward and backward functions whole, names without hashes.",
        "Warp's constant preamble is left out: `preamble=True` keeps it. Comments name the Python "
        "line that each part comes from.",
    ),
    "cuda": Column(
        "CUDA of Warp's code generator for the same kernel, with a grid-stride loop.",
        '`extractors.translation_unit(text, "cuda")` makes a row\'s text a whole unit.',
    ),
    "hlo_forward": Column(
        'HLO of the function before XLA\'s passes: `jax.jit(f).lower(…).as_text(dialect="hlo")`.',
        "Under `jax.enable_x64(True)` if an input has a type of 64 bits (or complex128), else "
        "under `False`.",
    ),
    "hlo_backward": Column(
        "HLO of the gradient of the sum of all floating outputs with respect to every "
        "floating argument; empty where there is no such argument or output.",
        "Complex arguments are held.",
    ),
    "hlo_optimized": Column(
        "The executable's HLO after XLA's passes for the CPU, printed without metadata: no source "
        "path, line or stack frame."
    ),
    "type": Column(
        "The kernel type as older files of this kind name it: `generate_simple_elementwise`, …"
    ),
    "category": Column("The kernel type in a word, of the same names in every config."),
    "inputs": Column(
        "Each argument in call order: `name`, `role`, `dtype`, `shape`, and the interval [`low`, "
        "`high`] it is meant to be drawn from.",
        'See "Running a row".',
    ),
    "operations": Column("What the kernel is made of, in order of appearance."),
    "differentiable": Column(
        "Whether a right gradient is known; false for integers, rounding and what a compiler's "
        "backward pass gets wrong.",
        'See "Limits".',
    ),
    "verified": Column(
        "The highest tier that was shown for the row: `extracted`, `ran`, `matched` or `gradient`.",
        'See "What is verified". Without the option `verify` every row says `extracted`.',
    ),
    "fingerprint": Column(
        "Hash of the program with names and formatting normalised: differs between any two rows "
        "of a config, seed and choice of options.",
        "Another choice of categories at the same seed repeats rows. For more rows raise the "
        "count: the first are the same.",
    ),
    "structure": Column("Hash like `fingerprint`, with numbers masked too."),
    "row_key": Column(
        "What makes the row again: `jit_synthesis.regenerate(row_key)`.", "Labels come by name."
    ),
}

# What is other in one config than in the rest.
_OTHER = {
    ("stablehlo", "cpp"): Column("StableHLO of the function: `jax.jit(f).lower(…).as_text()`."),
    ("stablehlo", "cuda"): Column("HLO of the function after XLA's passes for the CPU."),
}

# The fields of an entry of ``inputs``.
ARGUMENT = {
    "name": "The argument's name; a field of a struct stands as `params.gain`.",
    "role": "`input`, `output` (Warp: starts filled with `low`) or `launch` (Warp's dimension).",
    "dtype": "The type of an element: of JAX and NumPy, or a name under `wp.` such as `vec3`.",
    "shape": "The array's shape; empty for a single number.",
    "low": "The least value to draw; of a launch the threads of a block, where that matters.",
    "high": "The greatest value to draw.",
}


def describe(config: str, column: str) -> Column:
    """What a column of a config holds."""
    return _OTHER.get((config, column)) or COLUMNS[column]


def kind(feature: Any) -> str:
    """A feature's type in a word or two, as in "list of string"."""
    if isinstance(feature, datasets.ClassLabel):
        return "ClassLabel"
    if isinstance(feature, datasets.Value):
        return feature.dtype
    return "struct" if isinstance(feature, dict) else f"list of {kind(element(feature))}"


def element(feature: Any) -> Any:
    """The feature of a list's elements, however this version of datasets spells it, else None."""
    if isinstance(feature, list):
        return feature[0]
    return getattr(feature, "feature", None)


def lines(configs: tuple[str, ...], more: bool = False) -> list[tuple[str, str, str, str]]:
    """(column, configs that have it, type, what it holds) of each column, in order.

    Columns of one name that hold other things in other configs have a line each. ``more`` adds
    what a manual says.
    """
    found: dict[tuple[str, Column], list[str]] = {}
    for config in configs:
        for column in FEATURES[config]:
            found.setdefault((column, describe(config, column)), []).append(config)
    order = [column for column in COLUMNS if any(column == name for name, _ in found)]
    return [
        (
            f"`{column}`",
            "all" if len(having) == len(configs) else ", ".join(f"`{name}`" for name in having),
            kind(FEATURES[having[0]][column]),
            " ".join(filter(None, (told.told, told.more if more else ""))),
        )
        for (column, told), having in sorted(found.items(), key=lambda f: order.index(f[0][0]))
    ]
