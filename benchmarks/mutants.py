"""Whether wrong code is seen: mutants of rows, a Markdown table by kind and one by config.

``python benchmarks/mutants.py --rows 4 --each 3`` changes four rows of every category of each
config in three ways each; ``--show`` prints what escaped, the changed lines of it. What a mutant is
and when it counts as another function stand in tests/mutations.py and tests/mutation_trials.py.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from mutation_trials import BROKEN, Trial, trials

COLUMNS = ("applied", "compiled", "changed the function", "caught")


def shown(trial: Trial) -> str:
    """The changed lines of a mutant."""
    first, half = trial.mutant.first.python, trial.mutant.half.python
    lines = difflib.unified_diff(
        ast.unparse(ast.parse(first)).splitlines(), half.splitlines(), lineterm="", n=0
    )
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def count(trial: Trial) -> Counter[str]:
    """What a trial adds to a line of a table."""
    known = trial.changed != BROKEN
    seen = known and bool(trial.changed)
    return Counter(
        dict(zip(COLUMNS, (1, int(known), int(seen), int(seen and trial.caught)), strict=True))
    )


def table(name: str, lines: dict[str, Counter[str]]) -> str:
    """A Markdown table, a last line for all together."""
    total: Counter[str] = sum(lines.values(), Counter())
    rows = [*sorted(lines.items()), ("all", total)]
    head = f"| {name} | " + " | ".join((*COLUMNS, "share")) + " |\n|---" + "|---" * 5 + "|"
    cells = [
        f"| {key} | "
        + " | ".join(f"{line[c]:,}" for c in COLUMNS)
        + f" | {line['caught'] / max(1, line['changed the function']):.1%} |"
        for key, line in rows
    ]
    return "\n".join([head, *cells])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2, help="rows of every category")
    parser.add_argument("--each", type=int, default=3, help="mutants a row")
    parser.add_argument("--start", type=int, default=0, help="index of the first row")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--configs", default="warp,jax,paired")
    parser.add_argument("--show", action="store_true", help="print what escaped")
    parser.add_argument("--json", action="store_true", help="a line a mutant instead of tables")
    given = parser.parse_args()
    kinds: dict[str, Counter[str]] = {}
    configs: dict[str, Counter[str]] = {}
    refused: dict[str, str] = {}
    for config in given.configs.split(","):
        for trial in trials(config, given.rows, given.each, given.seed, given.start, refused):
            mutant = trial.mutant
            kinds.setdefault(mutant.kind, Counter()).update(count(trial))
            configs.setdefault(config, Counter()).update(count(trial))
            if given.json:
                line = {
                    **{"row": mutant.row, "category": mutant.category, "kind": mutant.kind},
                    **{"changed": trial.changed, "caught": trial.caught},
                    "diff": shown(trial),
                }
                print(json.dumps(line), flush=True)
            elif given.show and trial.changed not in ("", BROKEN) and not trial.caught:
                told = f"{mutant.row} {mutant.category} {mutant.kind}: differs {trial.changed}"
                print(f"{told}, found {trial.verdict}\n{shown(trial)}\n", flush=True)
    if given.json:
        print(json.dumps({"refused": refused}))
    else:
        print(table("kind", kinds), table("config", configs), sep="\n\n")
        print("\noriginals refused:", refused or "none")


if __name__ == "__main__":
    main()
