"""Generation: (language, seed, split, index) → a kernel's source, with no compiler in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from generators import kinds
from generators.builders import sample
from generators.fingerprints import fingerprint, fingerprints, structure
from generators.jax_source import JaxWriter
from generators.kernel import Argument, Kernel, Subject, component, specs
from generators.kinds import VARIANTS
from generators.program import Program
from generators.sizes import resized
from generators.streams import SEED_BITS, Stream
from generators.tile_source import TileWriter
from generators.verifier import verify
from generators.warp_source import WarpWriter

__all__ = [
    "GENERATOR_VERSION",
    "LANGUAGES",
    "SPLITS",
    "TYPES",
    "VARIANTS",
    "Argument",
    "Kernel",
    "Subject",
    "capacity",
    "categories",
    "check_count",
    "choose",
    "component",
    "fingerprint",
    "generate",
    "has_gradients",
    "specs",
    "structure",
    "subjects",
]

GENERATOR_VERSION = "2"  # raised whenever the same index comes to give another kernel
LANGUAGES = ("warp", "jax", "stablehlo", "paired")
SPLITS = tuple(kinds.SHARES)

_BASE = {
    "elementwise": "generate_simple_elementwise",
    "scalar_array": "generate_scalar_array_op",
    "unary": "generate_unary_kernel",
    "branch": "generate_branch_kernel",
    "loop": "generate_loop_kernel",
    "reduction": "generate_reduction_kernel",
    "vector": "generate_vector_kernel",
    "multi_statement": "generate_multi_statement_kernel",
    "nested_branch": "generate_nested_branch_kernel",
    "compound": "generate_compound_kernel",
}
_EXTENDED = [name for language in ("warp", "jax") for name in kinds.categories(language)]
TYPES: dict[str, str] = _BASE | {name: f"generate_{name}_kernel" for name in _EXTENDED}
_SPELLED = {"warp": "warp", "jax": "jax", "stablehlo": "jax", "paired": "paired"}


def categories(language: str, extended: bool = False) -> tuple[str, ...]:
    """Return the kernel categories of a language, in ClassLabel order.

    ``extended`` adds those beyond the ten of every language. Raises ValueError for an unknown
    language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"unknown config {language!r}: choose one of {', '.join(LANGUAGES)}")
    if not extended:
        return tuple(_BASE)
    return (*_BASE, *kinds.categories(_SPELLED[language]))


def choose(language: str, names: Sequence[str] | None, extended: bool = False) -> tuple[str, ...]:
    """Return the named categories in ClassLabel order, all of the language's for None.

    Raises ValueError for a name that the language does not have, or for none at all.
    """
    known = categories(language, extended)
    if names is None:
        return known
    for name in names:
        if name in known:
            continue
        if name in categories(language, extended=True):
            raise ValueError(
                f"category {name!r} is one of the extended ones: add extended=True (--extended)"
            )
        others = [o for o in LANGUAGES if name in categories(o, extended=True)]
        if others:
            raise ValueError(
                f"category {name!r} is not one of {language}'s but of {', '.join(others)}"
            )
        more = "" if extended else ", more with extended"
        raise ValueError(
            f"unknown category for {language} {name!r}: choose from {', '.join(known)}{more}"
        )
    if not names:
        raise ValueError(f"categories=[] leaves nothing to write: choose from {', '.join(known)}")
    return tuple(name for name in known if name in names)


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")


def capacity(language: str, category: str, split: str = "train") -> int:
    """Return how many kernels of a category a split can hold, no two alike."""
    [name] = choose(language, [category], extended=True)
    _check_split(split)
    return kinds.capacity(_SPELLED[language], name, split)


def has_gradients(language: str, category: str) -> bool:
    """Return whether any of a category's kernels is differentiable."""
    [name] = choose(language, [category], extended=True)
    return kinds.has_gradients(_SPELLED[language], name)


def check_count(
    language: str,
    split: str,
    count: int,
    categories: Sequence[str] | None = None,
    extended: bool = False,
) -> None:
    """Raise ValueError where ``count`` rows need more kernels of a category than it holds."""
    names = choose(language, categories, extended)
    _check_split(split)
    for place, name in enumerate(names):
        wanted = (count - place + len(names) - 1) // len(names)
        held = kinds.capacity(_SPELLED[language], name, split)
        if wanted > held:
            raise ValueError(
                f"{count} rows need {wanted} {name} kernels in {split}, which holds {held}: "
                "ask for fewer rows or more categories"
            )


def _integer(name: str, value: object, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < high:
        raise ValueError(f"{name} must be an integer from 0 to {high - 1}, got {value!r}")


def generate(
    language: str,
    seed: int,
    index: int,
    *,
    split: str = "train",
    categories: Sequence[str] | None = None,
    extended: bool = False,
    variant: int = 0,
) -> Kernel:
    """Return kernel ``index`` of a split: a pure function of the arguments, at O(1) cost.

    Categories take turns, so any run of rows is even over them to within one. ``variant`` 1 to
    ``VARIANTS - 1`` are further kernels for an index whose first one was rejected. Raises
    ValueError for an unknown name, a seed outside 64 bits, or an index beyond the capacity.
    """
    category, program, stream = _program(
        language, seed, index, split, categories, extended, variant
    )
    writer, python, arguments = _written(language, program, stream)
    twin = ""
    if language == "paired":
        twin = _twin(program, stream)
    whole, masked = fingerprints(python)
    return Kernel(
        name=writer.names.kernel,
        python=python,
        category=category,
        type=TYPES[category],
        arguments=arguments,
        operations=tuple(writer.used),
        differentiable=program.differentiable,
        fingerprint=whole,
        structure=masked,
        twin=twin,
    )


def subjects(
    language: str,
    seed: int,
    index: int,
    *,
    split: str = "train",
    categories: Sequence[str] | None = None,
    extended: bool = False,
    variant: int = 0,
) -> list[Subject]:
    """Return the program behind a kernel, then the same at boundary sizes of its arrays.

    Those are sizes of one and sizes that no block divides, as far as the text holds for them. The
    arguments are those of `generate`.
    """
    _, program, stream = _program(language, seed, index, split, categories, extended, variant)
    texts, found = [], []
    for sized in (program, *resized(program)):
        writer, python, arguments = _written(language, sized, stream)
        fields = writer.struct.fields if isinstance(writer, WarpWriter) and writer.struct else {}
        params = sorted(sized.params, key=lambda p: p.id not in fields)
        if language == "paired":
            python += _twin(sized, stream)
        texts.append(python)
        if python == texts[0]:
            found.append(Subject(sized, arguments, tuple(p.id for p in params)))
    return found


def _program(
    language: str,
    seed: int,
    index: int,
    split: str,
    categories: Sequence[str] | None,
    extended: bool,
    variant: int,
) -> tuple[str, Program, Callable[[str], Stream]]:
    names = choose(language, categories, extended)
    _check_split(split)
    _integer("seed", seed, 1 << SEED_BITS)
    _integer("index", index, 1 << 63)
    _integer("variant", variant, VARIANTS)
    number, place = divmod(index, len(names))
    category = names[place]
    held = kinds.capacity(_SPELLED[language], category, split)
    if number >= held:
        raise ValueError(f"index {index} asks for {category} kernel {number}; {split} holds {held}")
    program, stream = sample(_SPELLED[language], category, seed, split, number, variant)
    verify(program)
    return category, program, stream


def _twin(program: Program, stream: Callable[[str], Stream]) -> str:
    return JaxWriter(program, stream("twin"), stream("names")).kernel()[0]


def _written(
    language: str, program: Program, stream: Callable[[str], Stream]
) -> tuple[JaxWriter | WarpWriter, str, tuple[Argument, ...]]:
    purposes = stream("text"), stream("names")
    if language in ("jax", "stablehlo"):
        writer = JaxWriter(program, *purposes)
        return writer, *writer.kernel("@jax.jit" if language == "stablehlo" else "")
    if program.space:
        writer = WarpWriter(program, *purposes, twin=language == "paired")
    else:
        writer = TileWriter(program, *purposes)
    python, arguments = writer.kernel()
    threads = float(writer.block_dim)
    launch = Argument("launch", "launch", "int32", writer.launch, threads, threads)
    return writer, python, (*arguments, launch)
