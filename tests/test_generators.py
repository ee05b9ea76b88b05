"""Generation: pure, even, duplicate-free, disjoint between splits, and clear about bad input."""

import ast
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from generators import (
    LANGUAGES,
    SPLITS,
    TYPES,
    VARIANTS,
    capacity,
    categories,
    check_count,
    fingerprint,
    generate,
    structure,
    subjects,
)

COUNT = 1200


def names_of(language):
    return categories(language, extended=True)


@pytest.fixture(scope="module", params=["warp", "jax"])
def sampled(request):
    language = request.param
    return language, [generate(language, 5, i, extended=True) for i in range(COUNT)]


def test_any_order_gives_the_same(sampled):
    language, kernels = sampled
    for index in (COUNT - 1, 7, 500, 0):
        again = generate(language, 5, index, extended=True)
        assert again == kernels[index]


def test_hash_seed_and_process_do_not_matter():
    program = (
        "from generators import generate\n"
        "for language in ('warp', 'stablehlo', 'paired'):\n"
        "    for i in (*range(60), 10**7, 10**12):\n"
        "        print(generate(language, 9, i, extended=True))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "271828")
    }
    assert len(outputs) == 1


def test_generating_imports_no_compiler():
    program = (
        "import sys, generators\n"
        "generators.generate('jax', 0, 0), generators.generate('warp', 0, 0)\n"
        "print([m for m in ('warp', 'jax', 'jaxlib', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_categories_are_even_to_within_one(sampled):
    language, kernels = sampled
    for length in (1, 10, 37, 500, COUNT):
        seen = Counter(k.category for k in kernels[:length])
        counts = [seen.get(name, 0) for name in names_of(language)]
        assert max(counts) - min(counts) <= 1


def test_types_are_the_names_of_older_files(sampled):
    _, kernels = sampled
    assert all(k.type == TYPES[k.category] for k in kernels)
    assert TYPES["elementwise"] == "generate_simple_elementwise"
    assert TYPES["scalar_array"] == "generate_scalar_array_op"
    assert TYPES["nested_branch"] == "generate_nested_branch_kernel"


@pytest.mark.parametrize("language", ["warp", "jax"])
def test_no_two_kernels_are_alike_and_splits_share_no_structure(language):
    seen = {}
    for split, count in (("train", COUNT), ("validation", COUNT // 4), ("test", COUNT // 4)):
        for variant in (0, 1, VARIANTS - 1):
            for index in range(count if variant == 0 else count // 8):
                kernel = generate(language, 5, index, split=split, extended=True, variant=variant)
                where = (split, index, variant)
                assert seen.setdefault(kernel.structure, where) == where, kernel.python


def test_seeds_differ():
    assert generate("warp", 1, 203).python != generate("warp", 2, 203).python


def test_far_indices_work_and_differ():
    far = [10**7, 10**7 + 1, 10**9, 10**12]
    assert len({generate("warp", 0, i).fingerprint for i in far}) == len(far)


def kernel_of(kernel):
    """Return the function that the kernel is, and all that stands in its text."""
    tree = ast.parse(kernel.python)
    *_, function = tree.body
    assert function.name == kernel.name
    return function, tree


def test_texts_are_tidy_python(sampled):
    _language, kernels = sampled
    for kernel in kernels:
        kernel_of(kernel)
        lines = kernel.python.splitlines()
        assert max(map(len, lines)) <= 110, kernel.python
        assert 2 <= len(lines) <= 120, kernel.python
        assert fingerprint(kernel.python) == kernel.fingerprint
        assert structure(kernel.python) == kernel.structure
    lengths = sorted(len(kernel.python.splitlines()) for kernel in kernels)
    assert lengths[len(lengths) * 98 // 100] <= 80
    wide = [k for k in kernels if max(map(len, k.python.splitlines())) > 100]
    assert len(wide) <= 0.005 * len(kernels)


def test_no_argument_goes_unused(sampled):
    _, kernels = sampled
    for kernel in kernels:
        function, _ = kernel_of(kernel)
        read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        assert {a.arg for a in function.args.args} <= read, kernel.python


def test_arguments_are_those_of_the_text(sampled):
    language, kernels = sampled
    for kernel in kernels:
        function, _ = kernel_of(kernel)
        arguments = [a for a in kernel.arguments if a.role != "launch"]
        named = dict.fromkeys(a.name.partition(".")[0] for a in arguments)
        assert [a.arg for a in function.args.args] == list(named)
        assert all(a.low <= a.high for a in kernel.arguments)
        assert len(arguments) == len(kernel.arguments) - (language == "warp")


@pytest.mark.parametrize(
    ("seed", "index", "more"),
    [(12345678901, 1067, {"split": "validation"}), (3, 1240, {"categories": ["embedding"]})],
)
def test_no_literal_is_made_of_what_is_no_number(seed, index, more):
    """Here rows that nothing is added to are zeros: their cosines, 0 / 0, are then clamped."""
    [subject, *_] = subjects("jax", seed, index, extended=True, **more)
    literals = {s.op: s.literals for s in subject.program.statements}
    assert "embedding_cosine" in literals
    low, high = literals["clamp"]
    assert -1 <= low < high <= 1


def test_stablehlo_is_jax_with_its_decorator():
    plain, decorated = generate("jax", 3, 12), generate("stablehlo", 3, 12)
    assert decorated.python == "@jax.jit\n" + plain.python


def test_chosen_categories_only_and_in_order():
    picked = [generate("warp", 0, i, categories=["loop", "unary"]).category for i in range(4)]
    assert picked == ["unary", "loop", "unary", "loop"]


def test_every_category_holds_more_than_anyone_asks_for():
    for language in LANGUAGES:
        for name in names_of(language):
            for split in SPLITS:
                assert capacity(language, name, split) > 10**10


BAD = [
    ({"language": "cuda"}, "unknown config 'cuda'"),
    ({"split": "dev"}, "unknown split 'dev'"),
    ({"categories": ["loops"]}, "unknown category for warp 'loops'"),
    ({"categories": []}, "leaves nothing to write"),
    ({"seed": -1}, "seed must be an integer"),
    ({"seed": 1 << 64}, "seed must be an integer"),
    ({"seed": 1.5}, "got 1.5"),
    ({"index": -3}, "index must be an integer"),
    ({"index": True}, "got True"),
    ({"variant": VARIANTS}, "variant must be an integer"),
    ({"categories": ["stencil"]}, "'stencil' is one of the extended ones: add extended"),
    (
        {"categories": ["softmax"], "extended": True},
        "'softmax' is not one of warp's but of jax, stablehlo",
    ),
    ({"index": 1 << 62, "categories": ["unary"]}, "holds"),
]


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_bad_input_is_named(changed, message):
    given = {"language": "warp", "seed": 0, "index": 0} | changed
    language, seed, index = given.pop("language"), given.pop("seed"), given.pop("index")
    with pytest.raises(ValueError, match=r"\w") as error:
        generate(language, seed, index, **given)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_more_than_a_category_holds_is_an_error_with_both_numbers():
    held = capacity("warp", "vector", "test")
    check_count("warp", "test", held, ["vector"])
    with pytest.raises(ValueError, match=f"{held + 1} vector kernels in test, which holds {held}"):
        check_count("warp", "test", held + 1, ["vector"])


def test_fingerprint_ignores_manner_and_sees_meaning():
    one = "def f(a, b):\n    '''Add.'''\n    c = a + 1.5 * b  # sum\n    return c\n"
    same = "def other(x, y):\n    total = x + 1.5*y\n\n    return total\n"
    constant = one.replace("1.5", "2.5")
    swapped = one.replace("a + 1.5 * b", "b + 1.5 * a")
    assert fingerprint(one) == fingerprint(same)
    assert fingerprint(one) != fingerprint(constant)
    assert structure(one) == structure(constant)
    assert structure(one) != structure(swapped)
    assert structure(one) != structure(one.replace("+", "-"))


def test_threads_can_generate_at_once():
    """CPython 3.11 loses count where two threads make syntax trees (python/cpython 106905)."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: generate("jax", 0, i, extended=True), range(400)))
    assert found[::50] == [generate("jax", 0, i, extended=True) for i in range(0, 400, 50)]
