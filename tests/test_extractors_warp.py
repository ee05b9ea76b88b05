"""Warp extraction: what the texts hold, that they repeat, and that nothing is kept."""

from __future__ import annotations

import gc
import hashlib
import json
import linecache
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from extractors import Extracted, Job, Rejected, extract_job, translation_unit

ROOT = Path(__file__).resolve().parent.parent
PLAIN = """@wp.kernel
def scaled(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    x = wp.sin(a[i])
    if x > 0.5:
        x = x * 2.0
    out[i] = x
"""
RICH = """from typing import Any

@wp.struct
class Inner:
    w: float

@wp.struct
class Params:
    inner: Inner
    v: wp.vec3

@wp.func
def helper(x: float):
    return x * 2.0

@wp.func
def helper(x: wp.vec3):
    return wp.length(x)

@wp.func
def outer(x: float, p: Params):
    return helper(x) + p.inner.w

@wp.func
def square(x: Any):
    return x * x

@wp.kernel
def rich(a: wp.array(dtype=float), p: Params, ps: wp.array(dtype=Params)):
    i = wp.tid()
    q = Params()
    a[i] = outer(a[i], p) + helper(ps[i].v) + square(2.0) + q.inner.w
    a[i] += float(square(wp.float64(2.0)))
"""
OVERLOADS = """from typing import Any

@wp.kernel
def scaled(a: wp.array(dtype=Any), s: Any):
    i = wp.tid()
    a[i] = a[i] * s

wp.overload(scaled, [wp.array(dtype=float), float])
wp.overload(scaled, [wp.array(dtype=wp.float64), wp.float64])
"""
TWO_STRUCTS = """def make(kind):
    @wp.struct
    class S:
        x: kind
    return S

A = make(float)
B = make(int)

@wp.kernel
def both(a: wp.array(dtype=float)):
    s = A()
    t = B()
    a[0] = s.x + float(t.x)
"""
UNIQUE = PLAIN.replace("@wp.kernel", '@wp.kernel(module="unique")')
CLOSURE = """def make(c):
    @wp.func
    def f(x: float):
        return x * c
    @wp.kernel
    def scaled(a: wp.array(dtype=float)):
        a[0] = f(a[0])
    return scaled

scaled = make(3.0)
"""
CASES = {
    "plain": (PLAIN, "scaled"),
    "rich": (RICH, "rich"),
    "overloads": (OVERLOADS, "scaled"),
    "two_structs": (TWO_STRUCTS, "both"),
    "unique": (UNIQUE, "scaled"),
    "closure": (CLOSURE, "scaled"),
}


def texts(source: str, name: str, **options: object) -> dict[str, str]:
    outcome = extract_job(Job("warp", source, name, **options))  # type: ignore[arg-type]
    assert isinstance(outcome, Extracted), outcome
    return outcome.texts


def digest(cases: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {
        key: hashlib.sha256(json.dumps(texts(*case)).encode()).hexdigest()
        for key, case in cases.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_no_hash_address_or_path(case):
    for text in texts(*CASES[case]).values():
        assert not re.search(
            r"_[0-9a-f]{8}\b|_[0-9a-f]{12}\b|0x[0-9a-f]{6,}|/tmp|/home|/work|jit_synthesis", text
        )


def test_text_is_the_kernels_own_code_with_forward_and_backward():
    both = texts(PLAIN, "scaled")
    for function in ("scaled_cpu_kernel_forward", "scaled_cpu_kernel_backward"):
        assert function in both["cpp"]
    for function in ("scaled_cuda_kernel_forward", "scaled_cuda_kernel_backward"):
        assert function in both["cuda"]
    assert "blockDim.x" in both["cuda"].split("for (")[1].split(")\n")[0]  # a grid-stride loop
    assert "#include" not in both["cpp"] + both["cuda"]
    assert "<L 4>" in both["cpp"]


def test_modes_and_devices_pick_functions_and_columns():
    both = texts(RICH, "rich")
    forward = texts(RICH, "rich", mode="forward")
    backward = texts(RICH, "rich", mode="backward")
    for column, side in (("cpp", "cpu"), ("cuda", "cuda")):
        assert f"rich_{side}_kernel_forward" in forward[column]
        assert f"rich_{side}_kernel_backward" not in forward[column]
        assert f"rich_{side}_kernel_backward" in backward[column]
        assert f"rich_{side}_kernel_forward" not in backward[column]
        assert "adj_helper_0" in backward[column]
        assert len(forward[column]) < len(both[column])
    assert "rich_cpu_forward" not in backward["cpp"]
    assert texts(RICH, "rich", device="cpu") == {"cpp": both["cpp"], "cuda": ""}
    assert texts(RICH, "rich", device="cuda") == {"cpp": "", "cuda": both["cuda"]}


def test_structs_functions_and_overloads_have_plain_names():
    rich = texts(RICH, "rich")["cpp"]
    for name in ("struct Inner\n", "struct Params\n", " helper_0(", " helper_1(", " outer_0("):
        assert name in rich
    two = texts(TWO_STRUCTS, "both")["cpp"]
    assert "struct make__locals__S\n" in two
    assert "struct make__locals__S_1\n" in two
    overloads = texts(OVERLOADS, "scaled")["cpp"]
    assert "scaled_0_cpu_kernel_forward" in overloads
    assert "scaled_1_cpu_kernel_forward" in overloads


@pytest.mark.parametrize("case", ["plain", "rich"])
def test_translation_unit_is_warps_whole_output(case, tmp_path, monkeypatch):
    """The plain method: a file, an import, ModuleHasher, ModuleBuilder and codegen."""
    import warp as wp
    from warp._src import context

    source, name = CASES[case]
    (tmp_path / f"plain_{case}.py").write_text("import warp as wp\n" + source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(context, "function_key_counts", {})  # as in a process that saw no other
    module = getattr(__import__(f"plain_{case}"), name).module
    module.options["strip_hash"] = True
    options = module.resolve_options(wp.config) | {"output_arch": None}
    hasher = context.ModuleHasher(module._get_live_kernels(), options)
    ours = texts("import warp as wp\n" + source, name)
    for device, column in (("cpu", "cpp"), ("cuda", "cuda")):
        builder = context.ModuleBuilder(module, options, hasher=hasher, target=device)
        whole = builder.codegen(device)
        for struct in builder.structs:
            whole = whole.replace(struct.native_name, struct.key)
        # The comment that tells where a function stands: a row's text stands nowhere.
        whole = re.sub(rf"^// {re.escape(str(tmp_path))}.*\n", "", whole, flags=re.MULTILINE)
        unit = translation_unit(ours[column], device)
        assert unit == whole
        assert translation_unit(unit, device) == unit
    with_preamble = texts("import warp as wp\n" + source, name, preamble=True)
    assert with_preamble["cpp"] == translation_unit(ours["cpp"], "cpu")


def test_translation_unit_keeps_bfloat16_where_it_is_used():
    source = PLAIN.replace("x * 2.0", "float(wp.bfloat16(x) * wp.bfloat16(2.0))")
    for text, defined in ((texts(source, "scaled"), False), (texts(PLAIN, "scaled"), True)):
        unit = translation_unit(text["cpp"], "cpu")
        assert unit.startswith("#define WP_NO_BFLOAT16") is defined
    with pytest.raises(ValueError, match="unknown device 'tpu': choose from cpu, cuda"):
        translation_unit("", "tpu")


def test_same_bytes_again_in_another_order_and_in_a_fresh_process():
    first = digest(CASES)
    again = digest(dict(reversed(CASES.items())))
    assert first == again
    script = (
        "import json, sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/tests']\n"
        "from test_extractors_warp import CASES, digest\n"
        "print(json.dumps(digest(dict(reversed(CASES.items())))))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert json.loads(out.stdout.splitlines()[-1]) == first


def test_users_settings_change_nothing():
    import warp as wp

    before = texts(PLAIN, "scaled")
    saved = wp.config.max_unroll, wp.config.enable_backward, wp.config.default_grid_stride
    try:
        wp.config.max_unroll, wp.config.enable_backward = 0, False
        wp.config.default_grid_stride = False
        assert texts(PLAIN, "scaled") == before
    finally:
        wp.config.max_unroll, wp.config.enable_backward, wp.config.default_grid_stride = saved


@pytest.mark.parametrize(
    ("source", "stage", "reason"),
    [
        ("def (", "import", "SyntaxError: invalid syntax"),
        ("import nowhere_to_be_found", "import", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "import", "SystemExit: 3"),
        ("x = 1", "import", "no kernel named 'scaled'; kernels here: none"),
        ("@wp.kernel\ndef scaled(a):\n    pass", "import", "Incomplete argument annotations"),
        (PLAIN.replace("wp.sin", "wp.nope"), "codegen", "line 4: x = wp.nope(a[i])"),
        (OVERLOADS.split("wp.overload")[0], "codegen", "'scaled' is generic: name its types"),
        ("open('/very/secret/path.txt')", "import", "directory: 'path.txt'"),
    ],
)
def test_what_warp_refuses_is_rejected_with_a_reason(source, stage, reason):
    outcome = extract_job(Job("warp", source, "scaled"))
    assert isinstance(outcome, Rejected)
    assert outcome.stage == stage
    assert reason in outcome.reason
    assert "\n" not in outcome.reason
    assert "/very" not in outcome.reason


def test_no_backward_where_the_text_forbids_it():
    source = PLAIN.replace("@wp.kernel", "@wp.kernel(enable_backward=False)")
    assert "kernel_backward" not in texts(source, "scaled")["cpp"]
    outcome = extract_job(Job("warp", source, "scaled", mode="backward"))
    assert outcome == Rejected(
        "codegen", "CodegenError: 'scaled' has no backward: enable_backward=False in its text"
    )


def test_nothing_is_kept():
    """Warp itself keeps 66 KB for each kernel; 2,000 of them here must leave next to nothing."""
    from warp._src import codegen, context

    source = "@wp.kernel\ndef k{n}(a: wp.array(dtype=float)):\n    a[wp.tid()] = {n}.5\n"
    struct = "@wp.struct\nclass S{n}:\n    x: float\n"
    modules = set(context.user_modules)

    def some(start: int, count: int) -> None:
        for i in range(start, start + count):
            text = (struct if i % 10 == 0 else "") + source
            texts(text.format(n=i), f"k{i}", device="cpu", mode="forward")

    some(0, 100)
    gc.collect()
    tracemalloc.start()
    try:
        some(100, 300)
        gc.collect()
        early = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    before = rss_mb()
    some(1000, 1600)
    gc.collect()
    assert early < 300 * 1000  # bytes: under 1 KB a kernel
    assert rss_mb() - before < 8
    assert set(context.user_modules) == modules
    assert len(codegen._shared_function_sources) < 400
    assert "<kernel>" not in linecache.cache


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_neither_runtime_nor_cache_is_touched(tmp_path):
    script = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/tests']\n"
        "from test_extractors_warp import CASES, digest\n"
        "digest(CASES)\n"
        "from warp._src import context; assert context.runtime is None"
    )
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    out = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout == ""
    assert list(tmp_path.iterdir()) == []
