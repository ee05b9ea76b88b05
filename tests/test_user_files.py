"""Extraction of what users wrote: every kernel of a file gives a row or a reason."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from extractors import Extracted, Job, Rejected, extract, extract_job
from extractors.user_files import NeedsInputsError, parse_inputs

FILES = Path(__file__).resolve().parent / "user_files"
NOT_IN_TEXT = re.compile(r"_[0-9a-f]{8}\b|0x[0-9a-f]{6,}|/tmp|/home|/work|jit_synthesis")


@pytest.fixture(scope="module")
def rows():
    return extract(FILES / "kernels.py")


def named(rows, name):
    return [row for row in rows if row.name == name]


def test_every_kernel_gives_a_row_or_a_reason(rows, capfd):
    what = [
        (row.name, row.outcome.reason if isinstance(row.outcome, Rejected) else "") for row in rows
    ]
    assert what == [
        ("everything", ""),
        ("generic", ""),
        ("generic", ""),
        ("untyped", "generic: name its types in the file with wp.overload(untyped, [...])"),
        ("made", ""),
        ("made", ""),
        ("method", ""),
        ("not_alone", ""),
        ("unseen", "declared inside never_called, which running the file does not reach"),
        (
            "broken",
            "WarpCodegenKeyError: Referencing undefined symbol: nothing "
            "(in broken, line 115: a[0] = nothing  # noqa: F821)",
        ),
    ]
    assert [row.line for row in rows] == sorted(row.line for row in rows)
    assert capfd.readouterr().out == ""


def test_texts_stand_alone_and_compile_to_the_same(rows):
    for row in rows:
        if not row.self_contained:
            continue
        again = extract_job(Job("warp", row.python, row.name))
        assert again == row.outcome
        for text in row.texts.values():
            assert not NOT_IN_TEXT.search(text)
    alone = {row.name: row.self_contained for row in rows if isinstance(row.outcome, Extracted)}
    assert alone == {
        "everything": True,
        "generic": True,
        "made": True,
        "method": True,
        "not_alone": False,
    }


def test_a_text_holds_what_its_kernel_needs_in_order(rows):
    (row,) = named(rows, "everything")
    parts = [
        "import math",
        "class Params",
        "FACTOR = 0.5",
        "def scale",
        "def twice",
        "def everything",
    ]
    places = [row.python.index(part) for part in parts]
    assert places == sorted(places)
    assert "never_called" not in row.python
    assert "TAU = 6.283185307179586" in row.python
    assert row.arguments[0] == ("a", "array(ndim=1, dtype=float32)")
    first, second = named(rows, "generic")
    assert "wp.overload(generic, [wp.array(dtype=wp.float32, ndim=1), float])" in first.python
    assert "wp.array_t<wp::float64> a" in second.texts["cpp"].replace("wp::array", "wp.array")
    three, four = named(rows, "made")
    assert three.python.startswith("c = 3.0\n")
    assert four.python.startswith("c = 4.0\n")


def test_a_text_that_cannot_stand_alone_is_the_source_as_found(rows):
    (row,) = named(rows, "not_alone")
    assert row.python.startswith("@wp.kernel\ndef not_alone")
    assert "Holder__shift_0" in row.texts["cpp"]
    for text in row.texts.values():
        assert "// kernels.py:" in text
        assert not NOT_IN_TEXT.search(text)


def test_module_options_are_part_of_a_text():
    (row,) = extract(FILES / "options.py")
    assert row.python.startswith(
        "wp.set_module_options({'max_unroll': 2, 'enable_backward': False})\n"
    )
    assert row.self_contained
    assert "kernel_backward" not in row.texts["cpp"]


def test_relative_imports_find_their_package():
    relative, dotted = extract(FILES / "pack" / "inner" / "kernels.py")
    assert (relative.self_contained, dotted.self_contained) == (True, False)
    assert "half_0(" in relative.texts["cuda"]
    assert "half_0(" in dotted.texts["cuda"]


def test_a_file_that_cannot_be_run_names_its_kernels():
    reason = "ModuleNotFoundError: No module named 'a_library_that_is_not_installed'"
    found = extract(FILES / "missing.py")
    assert [(row.name, row.outcome) for row in found] == [
        ("first", Rejected("import", reason)),
        ("second", Rejected("import", reason)),
    ]
    assert found[0].python == "@wp.kernel\ndef first(a: wp.array(dtype=float)):\n    a[0] = 1.0\n"
    (lost,) = extract(FILES / "dies.py")
    assert lost.outcome == Rejected("import", "worker died (exit code 5)")
    assert lost.texts == {"cpp": "", "cuda": ""}


def test_one_kernel_by_name_and_options(rows):
    (row,) = extract(FILES / "kernels.py", function="everything", device="cpu", mode="forward")
    assert row.texts["cuda"] == ""
    assert "everything_cpu_kernel_forward" in row.texts["cpp"]
    assert "kernel_backward" not in row.texts["cpp"]
    known = r"no kernel or function named 'nowhere' in kernels\.py: it has everything, generic"
    with pytest.raises(ValueError, match=known):
        extract(FILES / "kernels.py", function="nowhere")


def test_jax_functions_are_named_with_their_types():
    path = FILES / "functions.py"
    (row,) = extract(path, function="looped", inputs="f32[8,16],i32[]")
    assert row.language == "jax"
    assert row.self_contained
    assert row.python.startswith("from functools import partial\n")
    assert row.arguments == (("x", "float32[8,16]"), ("k", "int32[]"))
    assert row.texts["hlo_forward"].startswith("HloModule jit_looped,")
    assert row.texts["hlo_backward"].startswith("HloModule jit_looped_grad,")
    (row,) = extract(path, function="assigned", inputs="f32[3]")
    assert row.name == "assigned"
    assert row.python.endswith("\n\nassigned = jax.jit(helper)\n")
    (row,) = extract(path, function="looped", inputs="f32[4],f32[]", language="stablehlo")
    assert row.texts["cpp"].startswith("module @jit_looped ")
    (row,) = extract(path, function="tabled", inputs="f32[8]")
    assert row.self_contained
    assert row.python.startswith("import jax.numpy as np\n\nTABLE = np.arange(8.0)\n\n\ndef tabled")
    (row,) = extract(path, function="tabled", inputs="f32[7]")
    assert row.outcome.stage == "trace"
    known = r"no function named 'nowhere' in functions\.py: it has helper, looped, assigned, tabled"
    with pytest.raises(ValueError, match=known):
        extract(path, function="nowhere", inputs="f32[8]")


WARP_BARE = """
import warp
from warp import array, func, kernel, struct
from warp import vec3
SCALE = 3.0

@struct
class Particle:
    mass: float

@func
def half(x: float):
    return x * 0.5

@kernel
def f(x: array(dtype=float), p: Particle, v: array(dtype=vec3), n: int):
    i = warp.tid()
    x[i] = half(x[i]) * SCALE * p.mass * v[i][0] + float(n)
"""


def test_names_imported_from_warp_are_part_of_a_text(tmp_path):
    (tmp_path / "bare.py").write_text(WARP_BARE)
    (row,) = extract(tmp_path / "bare.py")
    assert row.self_contained
    for line in ("kernel = wp.kernel", "array = wp.array", "struct = wp.struct", "SCALE = 3.0"):
        assert f"\n{line}\n" in "\n" + row.python
    assert extract_job(Job("warp", row.python, "f")) == row.outcome
    assert row.arguments == (
        ("x", "array(ndim=1, dtype=float32)"),
        ("p", "Particle"),
        ("v", "array(ndim=1, dtype=vec3)"),
        ("n", "int32"),
    )


JAX_GLOBALS = """
import functools
import os
import numpy
import jax, jax.numpy as jnp
from jax.nn import relu as act
from numpy.random import rand
from beside import BIAS, shift

W, B = jnp.ones((3, 4)), jnp.zeros(4)
SIZES = (3, 4)
LOW = float("-inf")
noise = numpy.random.rand(3)
drawn = rand(3)
table = numpy.zeros(1000)
table[7] = 1.0
home = jnp.ones(len(os.environ))
twice = jnp.ones(3)
twice = twice * 2

def layer(x):
    return act(x @ W + B)

fast = jax.jit(layer)

def model(x):
    return jnp.maximum(fast(x).reshape(SIZES[1:]), LOW) + shift(x).sum() + BIAS

def make(n):
    def inner(x):
        return x * n
    return inner

class Net:
    def __init__(self, w):
        self.w = w
    def __call__(self, x):
        return x * self.w

lam = lambda x: x * 2
z = make(4.0)
part = functools.partial(lambda x, y: x + y, y=2.0)
net = Net(jnp.full(3, 2.0))
batched = jax.vmap(lam)
found = {"f": functools.partial(max, 0)}["f"]
def noisy(x): return x + noise
def homely(x): return x + home.sum()
def doubled(x): return x + twice
def chance(x): return x + drawn
def changed(x): return x.sum() * table
if True:
    hidden = functools.partial(jnp.add, 1.0)
"""


@pytest.fixture(scope="module")
def globals_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    (folder / "beside.py").write_text(
        "import jax.numpy as np\nBIAS = np.arange(4.0)\ndef shift(x):\n    return x + np.pi\n"
    )
    (folder / "globals.py").write_text(JAX_GLOBALS)
    return folder / "globals.py"


@pytest.mark.parametrize("name", ["model", "lam", "z", "part", "net", "batched", "fast"])
def test_a_jax_text_holds_the_globals_that_it_needs(name, globals_file):
    (row,) = extract(globals_file, function=name, inputs="f32[3]")
    assert (row.name, row.self_contained) == (name, True)
    assert extract_job(Job("jax", row.python, name, (("float32", (3,)),))) == row.outcome
    for text in (row.python, *row.texts.values()):
        assert not NOT_IN_TEXT.search(text)
    if name == "model":
        parts = ["from jax.nn import relu as act", "W, B = jnp.ones", "def layer", "fast = jax"]
        places = [row.python.index(part) for part in [*parts, "def model"]]
        assert places == sorted(places)
        for part in ("SIZES = (3, 4)", 'LOW = float("-inf")', "def shift", "BIAS = np.arange(4.0)"):
            assert part in row.python[: places[-1]]
        assert "noise" not in row.python


@pytest.mark.parametrize("mode", ["both", "backward"])
@pytest.mark.parametrize("name", ["noisy", "homely", "doubled", "chance", "changed"])
def test_a_jax_text_that_needs_more_is_the_source_as_found(name, mode, globals_file):
    (row,) = extract(globals_file, function=name, inputs="f32[3]", mode=mode)
    assert isinstance(row.outcome, Extracted)
    assert not row.self_contained
    assert row.python.startswith(f"def {name}(x): return x")


def test_a_function_without_source_is_rejected(globals_file):
    (row,) = extract(globals_file, function="hidden", inputs="f32[3]")
    assert row.outcome == Rejected(
        "import", "hidden is a partial without Python source: write it as a function, with def"
    )


def test_a_file_that_never_ends_is_given_up(tmp_path):
    file = tmp_path / "hangs.py"
    file.write_text("while True:\n    pass\n")
    (row,) = extract(file, deadline_s=1)
    assert row.outcome == Rejected("import", "no end within 1 s")
    (row,) = extract(file, function="f", inputs="f32[]", deadline_s=1)
    assert row.outcome == Rejected("import", "no end within 1 s")
    with pytest.raises(ValueError, match="deadline_s=0 must be more than 0"):
        extract(file, deadline_s=0)


def test_objects_of_this_process(monkeypatch):
    monkeypatch.syspath_prepend(FILES)
    monkeypatch.delitem(sys.modules, "kernels", raising=False)
    import functions
    import kernels

    options = dict(kernels.everything.options)
    (row,) = extract(kernels.everything, mode="forward")
    assert row.self_contained
    assert kernels.everything.options == options
    assert len(extract(kernels.generic)) == 2
    (row,) = extract(functions.looped, inputs="f32[8],f32[]")
    assert row.texts["hlo_forward"].startswith("HloModule jit_looped,")
    with pytest.raises(ValueError, match="not a Warp kernel"):
        extract(functions.helper)


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("", ()),
        ("f32[8,16],i32[]", (("float32", (8, 16)), ("int32", ()))),
        (" bf16[ 2 , 3 ] , pred[4] ", (("bfloat16", (2, 3)), ("bool", (4,)))),
        ("float64[1],c64[]", (("float64", (1,)), ("complex64", ()))),
    ],
)
def test_argument_types_are_read(text, inputs):
    assert parse_inputs(text) == inputs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f31[8]", "unknown dtype 'f31': choose from pred, s8"),
        ("f32", "cannot read inputs at 'f32'"),
        ("f32[8],,i32[]", r"cannot read inputs at ',i32\[\]'"),
        ("f32[8,]", r"cannot read the shape in 'f32\[8,\]'"),
        ("f32[-1]", r"cannot read inputs at 'f32\[-1\]'"),
    ],
)
def test_bad_argument_types_are_errors(text, message):
    with pytest.raises(ValueError, match=message):
        parse_inputs(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"language": "tpu"}, "unknown language 'tpu': choose from warp, jax, stablehlo"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"mode": "sideways"}, "unknown mode 'sideways'"),
        ({"language": "jax", "function": "f"}, "a JAX function needs its argument types"),
        ({"inputs": "f32[8]"}, "name the JAX function to extract"),
        ({"language": "warp", "inputs": "f32[8]"}, "inputs are for JAX functions"),
    ],
)
def test_arguments_that_make_no_sense_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        extract(FILES / "kernels.py", **arguments)
    with pytest.raises(ValueError, match=r"no such file: .*nowhere\.py"):
        extract(FILES / "nowhere.py")
    with pytest.raises(ValueError, match="user_files is a folder: name one Python file"):
        extract(FILES)
    with pytest.raises(NeedsInputsError, match='for JAX, add inputs="f32'):
        extract(FILES / "functions.py", function="helper")
