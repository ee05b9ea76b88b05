"""Versions: what is installed is told, what is missing or of another version is a clear error."""

from __future__ import annotations

from importlib import metadata

import pytest

from extractors import Extractor, check_toolchain, toolchain

HIDE = """
import importlib.abc, importlib.metadata, sys
hidden = {hidden!r}
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {{name!r}}")
sys.meta_path.insert(0, Hide())
version = importlib.metadata.version
def shown(name):
    if name.removesuffix("-lang") in hidden:
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = shown
from extractors import Extractor, Job, check_toolchain, extract_job
{then}
"""
WARP = (
    'extract_job(Job("warp", "@wp.kernel\\ndef k(a: wp.array(dtype=float)):\\n  a[0] = 1.0", "k"))'
)
JAX = 'extract_job(Job("jax", "def f(x):\\n  return x", "f", (("float32", (4,)),)))'


def test_toolchain_names_python_and_the_compilers():
    assert toolchain("warp").keys() == {"python", "warp"}
    assert toolchain("jax").keys() == toolchain("stablehlo").keys() == {"python", "jax", "jaxlib"}
    assert toolchain("warp")["warp"] == metadata.version("warp-lang")


@pytest.mark.parametrize(
    ("version", "works"),
    [("1.19.0", True), ("1.19.4", True), ("1.20.0", False), ("1.10.1", False), ("1.18", False)],
)
def test_other_versions_of_warp_are_refused_by_name(monkeypatch, version, works):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    if works:
        check_toolchain("warp")
        return
    with pytest.raises(ValueError, match=rf"warp-lang {version} is not supported.*>=1.19,<1.20"):
        check_toolchain("warp")
    with pytest.raises(ValueError, match="is not supported"):
        Extractor("warp")


@pytest.mark.parametrize(
    ("version", "works"), [("0.10.2", True), ("0.10.1", False), ("1.0", False)]
)
def test_other_versions_of_jax_are_refused_by_name(monkeypatch, version, works):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    if works:
        check_toolchain("stablehlo")
        return
    with pytest.raises(ValueError, match=rf"jax {version} is not supported.*jax>=0.10.2,<0.11"):
        check_toolchain("jax")


@pytest.mark.parametrize(
    ("hidden", "works", "missing", "message"),
    [
        ({"jax", "jaxlib"}, WARP, "jax", "jax is not installed: jax rows need jax>=0.10.2,<0.11"),
        ({"warp"}, JAX, "warp", "warp-lang is not installed: warp rows need warp-lang>=1.19,<1.20"),
    ],
)
def test_each_language_works_without_the_other(processes, hidden, works, missing, message):
    then = f"""
print(type({works}).__name__)
try:
    Extractor({missing!r})
except ValueError as error:
    print(error)
"""
    done = processes.run("-c", HIDE.format(hidden=hidden, then=then))
    lines = done.stdout.splitlines()
    assert lines[0] == "Extracted", done.stderr
    assert lines[1].startswith(message)


def test_asking_for_versions_imports_no_compiler(processes):
    done = processes.run(
        "-c",
        "import sys; from extractors import toolchain, check_toolchain\n"
        "check_toolchain('warp'); toolchain('jax')\n"
        "print({'warp', 'jax', 'jaxlib', 'numpy'} & set(sys.modules))",
    )
    assert done.stdout == "set()\n", done.stderr
