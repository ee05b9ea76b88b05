"""Warp: a kernel's Python source in, its C++ and CUDA source out.

Only this file, ``warp_speed`` and ``warp_objects`` touch Warp's private API, which moves between
versions; SUPPORTED says which they are written for. Nothing is compiled, and neither a GPU nor
``wp.init()`` is needed.
"""

from __future__ import annotations

import contextlib
import gc
import linecache
import os
import re
import sys
import tempfile
import threading
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .outcomes import Extracted, Job, Outcome, refused
from .toolchain import check_toolchain
from .warp_speed import quick, quick_steps

MODULE_NAME = "jit_synthesis_kernel"
FILE_NAME = "<kernel>"
TARGETS = {"cpu": ("cpu",), "cuda": ("cuda",), "both": ("cpu", "cuda")}
COLUMN = {"cpu": "cpp", "cuda": "cuda"}

# Every setting that shapes the text, so that neither the user's warp.config nor the machine does.
CONFIG = types.SimpleNamespace(
    mode="release",
    optimization_level=None,
    cpu_compiler_flags=None,
    default_grid_stride=True,
    enable_mathdx_gemm=True,
    enable_mathdx_solver=True,
    enable_mathdx_fft=True,
    verify_fp=False,
    line_directives=True,
    enable_vector_component_overwrites=False,
    llvm_cuda=False,
    use_precompiled_headers=True,
    verify_autograd_array_access=False,
    enable_tiles_in_stack_memory=True,
)
MODULE_OPTIONS = {"max_unroll": 16, "enable_backward": True, "lineinfo": False, "strip_hash": True}
BLOCK_DIM = 256

# Emptied while code is written for mode "backward": what Warp prints for the forward entry.
FORWARD_TEMPLATES = (
    "cpu_kernel_template_forward",
    "cuda_kernel_template_forward",
    "cuda_kernel_template_forward_grid_stride",
    "cpu_module_template_forward",
    "cpu_block_module_template_forward",
    "cpu_module_entry_template_forward",
)

# What Warp prints before a function, and with lineinfo before a statement: its file and line.
_PLACE = re.compile(r'^(// |#line \d+ ").*[/\\](?=[^/\\\n]+$)', re.MULTILINE)
_FUNCTION_PLACE = re.compile(rf"^// (?:{FILE_NAME}|\w+\.py):\d+\n", re.MULTILINE)
_SPECIALIZED = re.compile(r"_callable_[0-9a-f]{12}")
# Warp's registry and the numbering of its functions belong to the whole process.
_lock = threading.RLock()
_warp: Any = None


class CodegenError(Exception):
    """A kernel that Warp declared but that this extractor has no text for."""


def load_warp() -> Any:
    """Import Warp once; ValueError names the versions that work when it is another one."""
    global _warp
    if _warp is None:
        check_toolchain("warp")
        import warp

        _warp = warp
    return _warp


def extract_warp(job: Job) -> Outcome:
    """Extract the columns ``cpp`` and ``cuda`` of the kernel that ``job.name`` names."""
    with _lock, fresh_module() as module, quick(load_warp()):
        try:
            run_source(module, job.python)
            kernel = find_kernel(module, job.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code runs here
            return refused("import", error)
        try:
            return Extracted(kernel_texts(kernel, job.device, job.mode, job.preamble))
        except Exception as error:  # noqa: BLE001  Warp raises any type for what it refuses
            return refused("codegen", error)


def translation_unit(text: str, device: str) -> str:
    """The whole source that Warp hands to its compiler, from a row's ``cpp`` or ``cuda`` text.

    ``device`` is "cpu" or "cuda". A text that has its preamble already comes back as it is.
    """
    if device not in COLUMN:
        raise ValueError(f"unknown device {device!r}: choose from {', '.join(COLUMN)}")
    head = preamble(text, device)
    return text if text.startswith(head) else head + text


def preamble(text: str, device: str, block_dim: int = BLOCK_DIM) -> str:
    """What Warp prints before ``text``: includes and macros, the same for nearly every kernel."""
    codegen = load_warp()._src.codegen
    defines = "" if "bfloat16" in text else "#define WP_NO_BFLOAT16\n"
    header = codegen.cpu_module_header if device == "cpu" else codegen.cuda_module_header
    return defines + header.format(block_dim=block_dim) + codegen.codegen_cast_macros


@contextlib.contextmanager
def fresh_module(strip_hash: bool = True) -> Iterator[types.ModuleType]:
    """A Python module holding only ``wp``, with a Warp module of its own; both go afterwards.

    Without ``strip_hash`` kernels of one name can stand in it together, and be run.
    """
    warp = load_warp()
    context = warp._src.context
    known = set(context.user_modules)
    counts = context.function_key_counts
    # Warp numbers functions of one name (f_0, f_1) by what the process saw before.
    context.function_key_counts = {}
    module = types.ModuleType(MODULE_NAME)
    module.__dict__["wp"] = warp
    sys.modules[MODULE_NAME] = module
    registered = context.Module(MODULE_NAME, None)
    registered.options.update(MODULE_OPTIONS | {"strip_hash": strip_hash})
    context.user_modules[MODULE_NAME] = registered
    try:
        yield module
    finally:
        context.function_key_counts = counts
        for name in set(context.user_modules) - known:
            # Warp keeps every module it has seen; one that others refer to stays reachable.
            gone = context.user_modules.pop(name)
            gone.unload()
            gone._detach_references()
        sys.modules.pop(MODULE_NAME, None)
        for name in [n for n in linecache.cache if n.startswith(FILE_NAME)]:
            del linecache.cache[name]
        module.__dict__.clear()


def run_source(module: types.ModuleType, source: str, file: str = FILE_NAME) -> None:
    """Execute ``source`` in ``module`` so that Warp can read it back as if from a file."""
    lines = source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    code = compile(source, file, "exec", dont_inherit=True)
    exec(code, module.__dict__)


@contextlib.contextmanager
def running(sources: Sequence[tuple[str, str]], device: str) -> Iterator[list[Any]]:
    """The kernels of (text, name) pairs, compiled for ``device`` as one module, ready to launch.

    Compiling costs seconds for the first kernel and a fraction of one for each in its company.
    Raises what a text or Warp raises, and CodegenError for a name that is not there.
    """
    warp = load_warp()
    _start_runtime()
    # Machine code is unloaded, by its name, when Python lets go of a module: that of a kernel seen
    # before must not go after it has been loaded anew.
    gc.collect()
    with _lock, fresh_module(strip_hash=False) as module, _cache_folder():
        found = []
        for place, (source, name) in enumerate(sources):
            alone = types.ModuleType(MODULE_NAME)
            alone.__dict__["wp"] = warp
            run_source(alone, source, f"{FILE_NAME}{place}")
            found.append(find_kernel(alone, name))
        # The numbers are the same, and nobody waits for machine code that runs once.
        warp.set_module_options({"optimization_level": 0}, module=module)
        warp.load_module(MODULE_NAME, device=device, block_dim=None)
        yield found


def _start_runtime() -> None:
    """Start Warp's runtime, which prints, past Python, that there is no GPU where there is none."""
    warp = load_warp()
    if warp._src.context.runtime is not None:
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        warp.init()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def _cache_folder() -> Iterator[None]:
    """Give Warp a folder for what it compiles now: it keeps every module's files for ever."""
    config = load_warp().config
    kept = config.kernel_cache_dir
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)  # a worker only names it
    with tempfile.TemporaryDirectory(prefix="kernels-", dir=kept) as folder:
        config.kernel_cache_dir = folder
        try:
            yield
        finally:
            config.kernel_cache_dir = kept


def find_kernel(module: types.ModuleType, name: str) -> Any:
    """The kernel called ``name`` in ``module``; CodegenError when there is none."""
    kernel_type = load_warp()._src.context.Kernel
    kernel = module.__dict__.get(name)
    if not isinstance(kernel, kernel_type):
        found = sorted(k for k, v in module.__dict__.items() if isinstance(v, kernel_type))
        raise CodegenError(f"no kernel named {name!r}; kernels here: {', '.join(found) or 'none'}")
    return kernel


def kernel_texts(
    kernel: Any, device: str, mode: str, with_preamble: bool, renumber: bool = False
) -> dict[str, str]:
    """C++ and CUDA text of one kernel by column; raises what Warp raises, or CodegenError."""
    context = load_warp()._src.context
    variants = list(kernel.overloads.values()) if kernel.is_generic else [kernel]
    if not variants:
        raise CodegenError(
            f"{kernel.key!r} is generic: name its types with wp.overload({kernel.key}, [...])"
        )
    module = kernel.module
    options = module.resolve_options(CONFIG) | {"output_arch": None, "strip_hash": True}
    for variant in variants:
        if mode == "forward":
            variant.options = variant.options | {"enable_backward": False}
        elif mode == "backward" and not (options | variant.options)["enable_backward"]:
            raise CodegenError(f"{kernel.key!r} has no backward: enable_backward=False in its text")
    texts = {"cpp": "", "cuda": ""}
    hasher = context.ModuleHasher(variants, options)
    # One pass over the kernel serves both: Warp asks for the target only to warn about precision.
    builder = quick_steps(load_warp()).builder(module, options, hasher=hasher)
    for target in TARGETS[device]:
        with _only_backward(mode), _plain_kernel_names(module, variants):
            whole = builder.codegen(target)
        if renumber or _PLACE.search(whole):
            whole = _renumber(whole, builder)
        whole = _plain_names(whole, builder)
        if not renumber:  # a text has no file, and where Warp's own stand is Warp's affair
            whole = _FUNCTION_PLACE.sub("", whole)
        head = preamble(whole, target, options["block_dim"])
        if whole.startswith(head) and not with_preamble:
            whole = whole[len(head) :]
        texts[COLUMN[target]] = whole
    return texts


def live_texts(kernel: Any, device: str, mode: str, with_preamble: bool) -> dict[str, str]:
    """Like ``kernel_texts``, for a kernel of the user's own, which is left as it was."""
    with _lock:
        options = kernel.options
        try:
            return kernel_texts(kernel, device, mode, with_preamble, renumber=True)
        finally:
            kernel.options = options


def be_quiet() -> None:
    """For a worker process: no banner, no warnings, and no cache folder in the user's home."""
    warp = load_warp()
    warp.config.log_level = warp.LOG_ERROR
    # Made only by what starts Warp's runtime: a text with 16-bit constants, a script that launches.
    user = os.getuid() if hasattr(os, "getuid") else "user"
    warp.config.kernel_cache_dir = str(Path(tempfile.gettempdir()) / f"jit_synthesis_warp_{user}")


@contextlib.contextmanager
def _only_backward(mode: str) -> Iterator[None]:
    """Leave the forward entry functions out of the text while ``mode`` is "backward"."""
    codegen = load_warp()._src.codegen
    names = FORWARD_TEMPLATES if mode == "backward" else ()
    saved = {name: getattr(codegen, name) for name in names}
    for name in names:
        setattr(codegen, name, "")
    try:
        yield
    finally:
        for name, template in saved.items():
            setattr(codegen, name, template)


@contextlib.contextmanager
def _plain_kernel_names(module: Any, variants: Sequence[Any]) -> Iterator[None]:
    """Name a kernel by its key, and the overloads of a generic one key_0, key_1, in order."""
    strip = module.options["strip_hash"]
    module.options["strip_hash"] = True
    for i, variant in enumerate(variants):
        variant._mangled_name = variant.key if len(variants) == 1 else f"{variant.key}_{i}"
    try:
        yield
    finally:
        module.options["strip_hash"] = strip
        for variant in variants:
            variant._mangled_name = None


def _plain_names(text: str, builder: Any) -> str:
    """Take Warp's hashes out of the names of structs and of functions made for one argument."""
    keys: dict[str, int] = {}
    for struct in builder.structs:
        # Warp names a struct key_hash; two different ones of one key stay apart by a number.
        if struct.native_name not in text:
            continue
        seen = keys.get(struct.key, 0)
        text = text.replace(struct.native_name, f"{struct.key}_{seen}" if seen else struct.key)
        keys[struct.key] = seen + 1
    if "_callable_" in text:
        order: dict[str, str] = {}
        text = _SPECIALIZED.sub(
            lambda m: order.setdefault(m.group(), f"_callable_{len(order)}"), text
        )
    return text


def _renumber(text: str, builder: Any) -> str:
    """Number the user's functions by their order in the text, and take folders off file names.

    Warp counts functions of one name across the process.
    """
    text = _PLACE.sub(r"\1", text)
    bases = {}
    for function in builder.functions:
        base = _SPECIALIZED.sub("", function.native_func)
        if re.fullmatch(re.escape(function.key) + r"_\d+", base):
            bases[base] = function.key
    if not bases:
        return text
    names = "|".join(re.escape(base) for base in sorted(bases, key=len, reverse=True))
    given: dict[str, str] = {}
    counts: dict[str, int] = {}

    def rename(found: re.Match[str]) -> str:
        base = found.group(2)
        if base not in given:
            key = bases[base]
            given[base] = f"{key}_{counts.get(key, 0)}"
            counts[key] = counts.get(key, 0) + 1
        return found.group(1) + given[base]

    return re.sub(rf"\b((?:adj_|replay_)*)({names})(?=_callable_|\b)", rename, text)
