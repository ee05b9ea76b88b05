"""The way of a row, with real compilers: what its texts are, hold, and never hold."""

import json
import re
import shutil
import subprocess
import sys

import golden_rows
import pytest

import extractors
import generators
from extractors import Job
from jit_synthesis import CONFIGS, FEATURES, JitSynthesisConfig, rows

COLUMNS = {
    "warp": ("cpp", "cuda"),
    "jax": ("hlo_forward", "hlo_backward", "hlo_optimized"),
    "stablehlo": ("cpp", "cuda"),
    "paired": ("cpp", "cuda", "hlo_forward", "hlo_backward", "hlo_optimized"),
}
PYTHON = dict.fromkeys(CONFIGS, ("python",)) | {"paired": ("python_warp", "python_jax")}
FOREIGN = re.compile(
    r"/(?:tmp|home|root|usr|var|opt|work|Users)/|site-packages|[\w-]+\.py\b"
    r"|0x[0-9a-f]{6,}|<kernel>|<string>|<stdin>|stack_frame_id|source_file|metadata="
)
WARP_HASH = re.compile(r"_[0-9a-f]{8}(?:_|\b)")


@pytest.fixture(scope="module", params=CONFIGS)
def made(request):
    name = request.param
    count = 2 * len(generators.categories(name, extended=True))
    config = JitSynthesisConfig(name, seed=3, num_train=count, extended=True)
    return name, list(rows(config, "train", 0, count))


def test_columns_are_in_the_designs_order(made):
    name, found = made
    own = ["id", "kernel_name", *PYTHON[name], *COLUMNS[name], "type"]
    common = [
        *("category", "inputs", "operations", "differentiable", "verified"),
        *("fingerprint", "structure", "row_key"),
    ]
    assert list(FEATURES[name]) == own + common
    for row in found:
        assert list(row) == own + common
        FEATURES[name].encode_example(row)


def test_every_category_has_its_rows(made):
    name, found = made
    expected = generators.categories(name, extended=True)
    assert [row["category"] for row in found] == list(expected) * 2
    assert [row["type"] for row in found[:2]] == [
        "generate_simple_elementwise",
        "generate_scalar_array_op",
    ]


def test_texts_hold_nothing_of_the_machine(made):
    name, found = made
    for row in found:
        for column in COLUMNS[name]:
            text = row[column]
            assert not FOREIGN.search(text), FOREIGN.search(text)
            if column in ("cpp", "cuda"):
                assert not WARP_HASH.search(text), WARP_HASH.search(text)


def test_texts_are_what_they_are_called(made):
    name, found = made
    for row in found:
        kernel = row["kernel_name"]
        if name in ("warp", "paired"):
            assert f"{kernel}_cpu_kernel_forward" in row["cpp"]
            assert f"{kernel}_cpu_kernel_backward" in row["cpp"]
            assert f"{kernel}_cuda_kernel_backward" in row["cuda"]
            assert "blockDim.x" in row["cuda"]
            assert "gridDim.x" in row["cuda"]  # the grid-stride loop
            assert "#include" not in row["cpp"] + row["cuda"]
        if name in ("jax", "paired"):
            for column in ("hlo_forward", "hlo_optimized"):
                assert row[column].startswith("HloModule")
            assert row["hlo_backward"].startswith("HloModule") or not has_gradient(row)
            assert row["hlo_forward"].startswith(f"HloModule jit_{kernel}")
        if name == "stablehlo":
            assert f"@jax.jit\ndef {kernel}(" in row["python"]
            assert row["cpp"].startswith(f"module @jit_{kernel}")
            assert "stablehlo." in row["cpp"]
            assert row["cuda"].startswith("HloModule")


def has_gradient(row):
    """Tell whether a function has one: it takes floats and gives some."""
    floats = [a for a in row["inputs"] if "float" in a["dtype"]]
    result = row["hlo_forward"].splitlines()[0].split("->")[1]
    return bool(floats) and re.search(r"f(?:16|32|64)\[", result) is not None


@pytest.mark.parametrize("made", ["jax"], indirect=True)
def test_gradient_is_of_every_floating_argument(made):
    _, found = made
    for row in filter(has_gradient, found):
        layout = row["hlo_backward"].splitlines()[0].split("->")[1]
        floats = [a for a in row["inputs"] if "float" in a["dtype"]]
        assert len(re.findall(r"f(?:16|32|64)\[", layout)) == len(floats), row["python"]
    assert sum(map(has_gradient, found)) > 0.9 * len(found)


AGAIN = """
import json, sys
from extractors import Job, extract_job
for line in sys.stdin:
    job = json.loads(line)
    job["inputs"] = [(dtype, tuple(shape)) for dtype, shape in job["inputs"]]
    print(json.dumps(extract_job(Job(**job)).texts))
"""


def inputs_of(row):
    """Return dtype and shape of the inputs as JAX takes them, from the row alone."""
    found = []
    for a in row["inputs"]:
        if a["role"] == "input":
            width = [int(a["dtype"][3])] if a["dtype"].startswith("vec") else []
            wide = a["dtype"].endswith(("64", "d"))
            dtype = ("float64" if wide else "float32") if width else a["dtype"]
            found.append((dtype, a["shape"] + width))
    return found


def test_python_alone_gives_the_same_bytes_in_a_fresh_process(made):
    name, found = made
    config = JitSynthesisConfig(name)
    jobs = [
        {
            "language": name,
            **dict(zip(("python", "twin"), (row[c] for c in PYTHON[name]), strict=False)),
            "name": row["kernel_name"],
            "inputs": inputs_of(row),
            "mode": config.mode,
        }
        for row in reversed(found)
    ]
    done = subprocess.run(
        [sys.executable, "-c", AGAIN],
        input="\n".join(map(json.dumps, jobs)),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    for row, line in zip(reversed(found), lines, strict=True):
        assert json.loads(line) == {column: row[column] for column in COLUMNS[name]}


@pytest.mark.parametrize("made", ["warp"], indirect=True)
def test_cuda_compiles(made, tmp_path):
    _, found = made
    if not shutil.which("nvcc"):
        pytest.skip("nvcc, the CUDA compiler, is not installed")
    import warp

    native = warp.__path__[0] + "/native"
    # One unit of all kernels: nvcc takes seconds a unit whatever is in it.
    unit = extractors.translation_unit("\n".join(row["cuda"] for row in found), "cuda")
    source = tmp_path / "kernels.cu"
    source.write_text(unit.replace("#define WP_NO_CRT\n", ""))
    done = subprocess.run(
        ["nvcc", "-arch=sm_90", "-ptx", "-DWP_ENABLE_CUDA=1", "-I", native, str(source)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ptx = (tmp_path / "kernels.ptx").read_text()
    for row in found:
        assert f"{row['kernel_name']}_cuda_kernel_backward" in ptx


@pytest.mark.parametrize("name", golden_rows.EACH)
def test_golden_rows(name):
    toolchain, *lines = golden_rows.kept(name)
    if toolchain != golden_rows.toolchain_line(name):
        pytest.skip(f"golden rows are of {toolchain}, here is {golden_rows.toolchain_line(name)}")
    for line, made_now in zip(lines, golden_rows.fresh(name), strict=True):
        before, now = json.loads(line), json.loads(made_now)
        for column in before:
            assert before[column] == now[column], f"{column} of {before['row_key']} has changed"


def test_optimized_text_does_not_depend_on_the_cores():
    """XLA would cut loops by the number of cores; the worker pins what it sees of them."""
    kernel = generators.generate("jax", 2, 39, extended=True)
    inputs = tuple((a.dtype, a.shape) for a in kernel.arguments)
    with extractors.Extractor("jax") as worker:
        [outcome] = worker.extract([Job("jax", kernel.python, kernel.name, inputs)])
    assert "outer_dimension_partitions" not in outcome.texts["hlo_optimized"]
