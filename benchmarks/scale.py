"""Runs of `jit-synthesis scale`: rows a second, memory, bytes a row, as a table for docs/scale.md.

``python benchmarks/scale.py`` makes 200,000 rows of warp and 5,000 of jax on one worker and on two,
gathers them, which compares all fingerprints, and keeps what it found in `scale.json`;
``--share 0.1`` makes a tenth. ``--simulate`` has 1,000 shards made on a cluster where attempts and
nodes die, in namespaces of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import plan
import psutil
from runs import HERE, environment

from pipeline.card.markdown import table as markdown

sys.path.insert(0, str(HERE.parent / "tests"))

ROWS = {"warp": 200_000, "jax": 5_000}
SHARD_ROWS = {"warp": 2048, "jax": 256}  # so that there are many for each worker
SAMPLE_S = 2.0
RATES = (0.05, 0.01)  # of attempts that die alone, and with their node


@dataclass(frozen=True)
class Made:
    """A run: seconds without start-up, most memory of all its processes in MB, bytes of shards."""

    config: str
    rows: int
    engine: str
    workers: int
    shards: int
    seconds: float
    cpu_seconds: float
    memory_mb: float
    bytes: int


def measure(config: str, rows: int, engine: str, workers: int, folder: Path) -> Made:
    """Make a run, of train alone."""
    words = ["-m", "pipeline", "scale", "--config", config, "--count", str(rows)]
    words += ["--validation", "0", "--test", "0", "--output", str(folder)]
    words += ["--engine", engine, "--workers", str(workers)]
    words += ["--shard-rows", str(SHARD_ROWS[config])]
    with environment() as variables:
        start = time.monotonic()
        process = psutil.Popen([sys.executable, *words], env=variables, cwd=HERE.parent)
        most, cpu = 0.0, {}
        while process.poll() is None:
            found = 0.0
            for each in [process, *process.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):  # it has just ended
                    found += each.memory_full_info().pss / 1e6
                    times = each.cpu_times()
                    cpu[each.pid, each.create_time()] = times.user + times.system
            most = max(most, found)
            time.sleep(SAMPLE_S)
        seconds = time.monotonic() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed")
    shards = list(folder.glob(f"{config}/*.parquet"))
    size = sum(path.stat().st_size for path in shards)
    return Made(config, rows, engine, workers, len(shards), seconds, sum(cpu.values()), most, size)


def gather(folder: Path) -> str:
    """What gathering a run says."""
    with environment() as variables:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "gather", str(folder)],
            env=variables,
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stderr.splitlines()[-1].removeprefix(f"{folder}: ")


def table(runs: list[Made]) -> str:
    """The runs as Markdown; each beside the one of a single worker on the same engine."""
    head = ["config", "rows", "engine", "workers", "minutes", "rows/s", "beside one worker"]
    head += ["CPU ms a row", "MB, most", "bytes a row", "shards"]
    lines = []
    for run in runs:
        one = next(
            (r for r in runs if (r.config, r.engine, r.workers) == (run.config, run.engine, 1)),
            run,
        )
        cells = [
            f"`{run.config}`",
            f"{run.rows:,}",
            f"`{run.engine}`",
            f"{run.workers}",
            f"{run.seconds / 60:.1f}",
            f"{run.rows / run.seconds:.0f}",
            "" if run.workers == 1 else f"{one.seconds / run.seconds:.2f}",
            f"{1000 * run.cpu_seconds / run.rows:.1f}",
            f"{run.memory_mb:,.0f}",
            f"{run.bytes / run.rows:,.0f}",
            f"{run.shards:,}",
        ]
        lines.append(cells)
    return markdown(head, lines)


def simulate(shards: int) -> str:
    """The simulation's two runs, with and without deaths, as a table."""
    from ray_cluster import Cluster
    from simulation import simulate as run

    head = ["attempts that die, with their node", "shards there, once each", "failed", "attempts"]
    head += ["most for one", "workers died", "nodes died", "seconds"]
    lines = []
    for rates in ((0.0, 0.0), RATES):
        with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder)) as cluster:
            for _ in range(3):
                cluster.add_node()
            found = run(cluster, Path(folder) / "simulated", shards, rates)
        if (found.there, found.others, found.failures) != (shards, 0, []):
            raise SystemExit(f"not all are there once: {found}")
        cells = [f"{rates[0]:.0%}, {rates[1]:.0%}", f"{found.there:,} of {shards:,}"]
        cells += [f"{len(found.failures)}", f"{found.attempts.total():,}", f"{found.most}"]
        cells += [f"{found.attempts[fate]}" for fate in ("dies", "node dies")]
        lines.append([*cells, f"{found.seconds:.0f}"])
    return markdown(head, lines)


def between(text: str, name: str, content: str) -> str:
    """A document with what stands between its marks of a name replaced."""
    head, _, rest = text.partition(f"<!-- {name} -->\n")
    _, _, tail = rest.partition(f"<!-- end {name} -->")
    return f"{head}<!-- {name} -->\n{content}\n<!-- end {name} -->{tail}"


def main() -> None:
    """Measure, print, and with ``--write`` put it into docs/scale.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the rows")
    parser.add_argument("--configs", default="warp,jax")
    parser.add_argument("--engines", default="ray", help="as in ray,local")
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--shards", type=int, default=1000, help="of the simulation")
    parser.add_argument("--write", action="store_true", help="into docs/scale.md and scale.json")
    chosen = parser.parse_args()
    name = "simulation" if chosen.simulate else "runs"
    if chosen.simulate:
        content = simulate(chosen.shards)
    else:
        runs, said = [], []
        for config in chosen.configs.split(","):
            for engine in chosen.engines.split(","):
                for workers in (1, 2):
                    rows = round(ROWS[config] * chosen.share)
                    with tempfile.TemporaryDirectory() as folder:
                        there = Path(folder) / "run"
                        runs.append(measure(config, rows, engine, workers, there))
                        print(runs[-1], file=sys.stderr)
                        if workers == 2:
                            said.append(f"`{config}` gathered: {gather(there)}.")
        machine = f"{platform.machine()}, {psutil.cpu_count()} cores."
        content = "\n".join([machine, "", table(runs), "", *said])
        if chosen.write:
            plan.MADE.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    print(content)
    if chosen.write:
        text = between(plan.DOC.read_text(encoding="utf-8"), name, content)
        plan.DOC.write_text(plan.renewed(text), encoding="utf-8")


if __name__ == "__main__":
    main()
