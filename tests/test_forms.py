"""How kernels are written: every construct of the languages occurs, about as often as it should."""

import ast
import re

import pytest

from generators import generate

COUNT = 4000
# What must be found in a text, and in how many of a thousand base kernels at least and at most.
RATES = {
    "warp": {
        "a helper function": (r"@wp\.func", 100, 400),
        "a helper of a helper": (r"@wp\.func[\s\S]*@wp\.func", 5, 100),
        "a helper with two results": (r"^    return \w+, \w+$", 3, 100),
        "a struct": (r"@wp\.struct", 20, 200),
        "an array of structs": (r"wp\.array\(dtype=[A-Z]", 5, 100),
        "a named constant": (r"= wp\.constant\(", 20, 200),
        "a comment": (r"^ +# ", 100, 300),
        "a docstring": (r'"""', 200, 400),
        "a ternary": (r" = .* if .* else ", 5, 100),
        "wp.where": (r"wp\.where\(", 5, 100),
        "a branch": (r"^    +if ", 100, 400),
        "a static range": (r"in range\(\d+\)", 30, 300),
        "a dynamic range": (r"in range\([a-z]", 20, 300),
        "a row's length": (r"in range\(\w+\.shape", 20, 200),
        "an augmented product": (r" \*= ", 5, 100),
        "an augmented sum": (r" \+= ", 20, 300),
        "an atomic": (r"wp\.atomic_", 20, 200),
        "float": (r"dtype=float", 200, 800),
        "wp.float32": (r"dtype=wp\.float32", 100, 600),
        "wp.float64": (r"wp\.float64", 100, 400),
        "two dimensions": (r"i, j = wp\.tid", 50, 500),
        "three dimensions": (r"i, j, k = wp\.tid", 20, 400),
        "four dimensions": (r"i, j, k, l = wp\.tid", 5, 200),
    },
    "jax": {
        "a helper function": (r"^def [\s\S]*^def ", 100, 400),
        "a helper with two results": (r"^    return \w+, \w+\n\n", 2, 100),
        "a jitted helper": (r"jax\.jit", 5, 100),
        "a checkpointed helper": (r"jax\.checkpoint", 5, 100),
        "a mapped helper": (r"jax\.vmap", 5, 150),
        "a named constant": (r"^[A-Z]+ = ", 20, 200),
        "a comment": (r"^ +# ", 30, 300),
        "fori_loop": (r"fori_loop", 50, 300),
        "a Python loop": (r"for \w+ in range", 10, 200),
        "where": (r"jnp\.where", 100, 500),
        "an annotation": (r"jax\.Array", 100, 500),
    },
}


@pytest.fixture(scope="module", params=RATES)
def texts(request):
    return request.param, [generate(request.param, 11, i).python for i in range(COUNT)]


def test_every_construct_occurs_at_its_rate(texts):
    language, found = texts
    rates = {
        name: sum(re.search(pattern, text, re.MULTILINE) is not None for text in found)
        * 1000
        / COUNT
        for name, (pattern, _, _) in RATES[language].items()
    }
    outside = {
        name: rate
        for name, rate in rates.items()
        if not RATES[language][name][1] <= rate <= RATES[language][name][2]
    }
    assert not outside


def test_every_helper_is_called(texts):
    _, found = texts
    for text in found:
        tree = ast.parse(text)
        *before, _kernel = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        read = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
        assert all(read.count(helper.name) == 1 for helper in before), text
