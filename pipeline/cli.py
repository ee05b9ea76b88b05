"""The command line, ``jit-synthesis`` or ``python -m pipeline``."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import extractors
from extractors.outcomes import LANGUAGES
from extractors.user_files import NeedsInputsError
from jit_synthesis import CONFIGS, SPLITS, JitSynthesisConfig, __version__
from pipeline.browse_command import browse
from pipeline.export import export, finished_rows
from pipeline.foreign_rows import count_rows
from pipeline.options import (
    AsJson,
    Categories,
    Count,
    Device,
    Extended,
    Jsonl,
    MinVerified,
    Mode,
    Output,
    Overwrite,
    Preamble,
    Seed,
    Split,
    Verify,
    Workers,
)
from pipeline.progress import Bar, InterruptedRun, err, summarise
from pipeline.publishing import commands as publish_commands
from pipeline.scale import scale_command, shard_commands
from pipeline.show import find_row, print_row
from pipeline.user_rows import check_options, check_user_output, complaint, user_rows, write_rows
from pipeline.verify import check_verify_options
from pipeline.verify import verify as verify_file
from pipeline.verify_report import print_differences, summary
from verification.sandbox import shortcomings

HELP = """Write kernels, compile them with Warp or JAX, and keep Python beside compiled code.

jit-synthesis warp --count 5000 --output data/large.jsonl --device both

jit-synthesis jax --count 5000 --output data/large.jsonl --mode both --extended

jit-synthesis stablehlo --count 1000 --output data/jax.parquet

jit-synthesis show warp 17

jit-synthesis extract my_kernels.py --output mine.jsonl

jit-synthesis verify theirs.jsonl

jit-synthesis browse data/large.jsonl

jit-synthesis publish me/jit-kernels --count 1000 --verify gradient

jit-synthesis regenerate me/jit-kernels --rows 50
"""
CONFIG_HELP = {
    "warp": "Warp kernels: Python, C++ and CUDA, with their adjoints.",
    "jax": "JAX functions: Python, HLO forward and backward, XLA-optimized HLO.",
    "paired": "One program as a Warp kernel and as a JAX function, all columns of both.",
    "stablehlo": "JAX functions in Warp's columns: StableHLO in cpp, optimized HLO in cuda.",
}
EXPORT_HELP = """{0}

An interrupted run leaves its finished parts in a hidden folder beside the output: the same command
goes on from there, and the file is the same in the end.

jit-synthesis {1} --count 5000 --output data/{1}.jsonl

jit-synthesis {1} --count 150 --split test --seed 7 --output data/{1}-test.parquet
"""

INTERRUPTED = 130

app = typer.Typer(
    help=HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def make_config(name: str, split: str, count: int, **options: Any) -> JitSynthesisConfig:
    """The config of one split alone; ValueError names a bad value and the choices."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose from {', '.join(SPLITS)}")
    counts: dict[str, Any] = dict.fromkeys((f"num_{other}" for other in SPLITS), 0)
    return JitSynthesisConfig(name, **counts | {f"num_{split}": count}, **options)


def _export_command(name: str) -> Callable[..., None]:
    def command(
        count: Count = 1500,
        output: Output = None,
        jsonl: Jsonl = False,
        device: Device = "both",
        mode: Mode = None,
        extended: Extended = False,
        categories: Categories = None,
        seed: Seed = 0,
        split: Split = "train",
        preamble: Preamble = False,
        verify: Verify = None,
        min_verified: MinVerified = None,
        workers: Workers = None,
        overwrite: Overwrite = False,
    ) -> None:
        if count < 1:
            raise ValueError(f"count={count} must be 1 or more")
        config = make_config(
            name,
            split,
            count,
            seed=seed,
            device=device,
            mode=mode,
            extended=extended,
            categories=categories,
            preamble=preamble,
            verify=verify,
            min_verified=min_verified,
        )
        path = output or Path(f"{name}.jsonl")
        start = time.monotonic()
        bar = Bar(f"{name} {split}", count)
        with bar if err.is_terminal else nullcontext():
            try:
                done = export(
                    config,
                    split,
                    path,
                    jsonl=jsonl,
                    overwrite=overwrite,
                    workers=workers,
                    progress=bar.add,
                )
            except KeyboardInterrupt:
                bar.stop()
                kept = finished_rows(config, split, path)
                told = f"{kept} of {count} rows are kept, the same command goes on"
                raise InterruptedRun(told) from None
        summarise(done, path, time.monotonic() - start)

    return command


for _name in CONFIGS:
    app.command(_name, help=EXPORT_HELP.format(CONFIG_HELP[_name], _name))(_export_command(_name))


@app.command()
def show(
    config: Annotated[str, typer.Argument(help=f"One of {', '.join(CONFIGS)}.")],
    index: Annotated[int, typer.Argument(help="The row's id in its split.")],
    seed: Seed = 0,
    split: Split = "train",
    variant: Annotated[
        int | None,
        typer.Option(help="One variant of the row.", show_default="the first that compiles"),
    ] = None,
    device: Device = "both",
    mode: Mode = None,
    extended: Extended = False,
    categories: Categories = None,
    preamble: Preamble = False,
    verify: Verify = None,
    min_verified: MinVerified = None,
    as_json: AsJson = False,
) -> None:
    """Show a row: Python beside what it became.

    jit-synthesis show warp 17

    jit-synthesis show jax 17 --seed 7 --split test --json
    """
    if not 0 <= index < 2**62:
        raise ValueError(f"index={index} must be from 0 to {2**62 - 1}")
    chosen = make_config(
        config,
        split,
        index + 1,
        seed=seed,
        device=device,
        mode=mode,
        extended=extended,
        categories=categories,
        preamble=preamble,
        verify=verify,
        min_verified=min_verified,
    )
    row, missed = find_row(chosen, split, index, variant)
    if missed:
        what = "is kept" if missed.kept else "is rejected"
        err.print(f"{config} {split} {index} variant {missed.variant} {what}", markup=False)
        err.print(f"{missed.stage}: {missed.reason}", markup=False)
    if row is None:
        raise typer.Exit(1)
    _print(config, row, as_json)


def _print(config: str, row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(row, ensure_ascii=False))
    else:
        print_row(config, row, Console())


@app.command()
def extract(
    file: Annotated[Path, typer.Argument(help="A Python file.")],
    function: Annotated[
        str | None, typer.Option(help="The one kernel or function.", show_default="all kernels")
    ] = None,
    inputs: Annotated[
        str | None, typer.Option(help="Argument types of a JAX function: f32[8,16],i32[].")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help=f"Columns to make: {', '.join(LANGUAGES)}.",
            show_default="jax with --inputs, else warp",
        ),
    ] = None,
    device: Device = "both",
    mode: Annotated[str, typer.Option(help="forward, backward or both.")] = "both",
    preamble: Preamble = False,
    output: Annotated[
        Path | None, typer.Option(help="Write .jsonl or .parquet.", show_default="the terminal")
    ] = None,
    jsonl: Jsonl = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    deadline: Annotated[
        float, typer.Option(help="Seconds for running the file, and for each kernel.")
    ] = 60,
) -> None:
    """Extract kernels of your own: every @wp.kernel of a file, or one JAX function.

    What gives no row is told on stderr, with the reason; the exit code is 1 when nothing gave one.

    jit-synthesis extract my_kernels.py --output mine.jsonl

    jit-synthesis extract model.py --function loss --inputs "f32[8,16],i32[]"
    """
    check_options(function, inputs, config, deadline)
    if output is not None:
        check_user_output(output, jsonl, overwrite)
    try:
        found = extractors.extract(
            file,
            function=function,
            inputs=inputs,
            language=config,
            device=device,
            mode=mode,
            preamble=preamble,
            deadline_s=deadline,
        )
    except NeedsInputsError:
        what = f"{function} in {file.name} is no Warp kernel: for a JAX function"
        raise ValueError(f'{what} add --inputs "f32[8,16],i32[]"') from None
    for kernel in found:
        told = complaint(file, kernel)
        if told:
            err.print(told, markup=False)
    made = user_rows(found)
    if not made:
        if not found:
            hint = 'a JAX function is extracted with --function f --inputs "f32[8,16],i32[]"'
            err.print(f"{file}: no @wp.kernel in it; {hint}", markup=False)
        raise typer.Exit(1)
    chosen = config or ("jax" if inputs is not None else "warp")
    if output is None:
        for row in made:
            _print(chosen, row, as_json)
    else:
        write_rows(made, chosen, output, jsonl)
        err.print(f"{output}: {len(made)} rows, {len(found) - len(made)} rejected", markup=False)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="Rows as JSONL or Parquet, anyone's.")],
    config: Annotated[
        str | None,
        typer.Option(
            help=f"What the rows are: {', '.join(CONFIGS)}.", show_default="told from the columns"
        ),
    ] = None,
    deadline: Annotated[
        float, typer.Option(help="Seconds for compiling a kernel, and for running it.")
    ] = 60,
    memory: Annotated[
        int, typer.Option(help="MB for the processes that one worker starts, together.")
    ] = 4096,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Verify a file: each row is compiled again, compared with its texts, and run.

    Nothing but python, kernel_name and inputs is taken for true. The code runs without network, in
    a scratch folder, with limits on time, memory and processes: in bubblewrap where it is
    installed. Exit code 1 and a table when rows differ.

    jit-synthesis verify theirs.parquet

    jit-synthesis verify theirs.jsonl --json > differences.jsonl
    """
    check_verify_options(file, config, deadline, memory, workers)
    if lacking := shortcomings():
        err.print(f"jit-synthesis: {lacking}", markup=False)
    bar = Bar(file.name, count_rows(file), "differ")
    with bar if err.is_terminal else nullcontext():
        try:
            done = verify_file(
                file,
                config=config,
                deadline_s=deadline,
                workers=workers,
                memory_mb=memory,
                progress=bar.add,
            )
        except KeyboardInterrupt:
            bar.stop()
            raise InterruptedRun("nothing is said of the file") from None
    print_differences(done.differences, as_json)
    for line in summary(done):
        err.print(line, markup=False)
    if done.differences:
        raise typer.Exit(1)


publish_commands.add_to(app)
shard_commands.add_to(app)
scale_command.add_to(app)
app.command()(browse)


@app.callback(invoke_without_command=True)
def _alone(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"jit-synthesis {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


# A scheduler's end and a closed terminal end it as Ctrl-C does.
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
UsageError: Any = typer.BadParameter.__base__  # click's own, or the copy that Typer carries


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0 done, 1 failed, 2 bad input (one line on stderr), 130 interrupted."""
    ours = threading.current_thread() is threading.main_thread()
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in ENDING
        if ours and signal.getsignal(number) is not signal.SIG_IGN  # as nohup has it
    }
    try:
        return _run(arguments)
    finally:  # who called from Python goes on as before, and so do the processes it forks
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _run(arguments: list[str] | None) -> int:
    try:
        code = app(arguments, prog_name="jit-synthesis", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # Typer's word for a Ctrl-C that no command has caught
            return _complain("interrupted", code)
        return code if isinstance(code, int) else 0
    except InterruptedRun as error:
        return _complain(f"interrupted: {error}", INTERRUPTED)
    except UsageError as error:
        return _complain(error.format_message(), 2)
    except ValueError as error:
        return _complain(str(error), 2)
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _complain(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", INTERRUPTED)


def _complain(message: str, code: int) -> int:
    err.print(f"jit-synthesis: {' '.join(message.split())}", markup=False)
    return code
