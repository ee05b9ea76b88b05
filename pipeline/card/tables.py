"""The tables of the card: each from summaries alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jit_synthesis import LEVELS, SPLITS, TIERS
from pipeline.card import columns
from pipeline.card.markdown import NONE, code, megabytes, number, rounded, share, table
from pipeline.card.statistics import EVERY, TEXTS, ordered, quantiles, vocabularies
from verification import Yield

Summary = Mapping[str, Any]
PARTS = (0, 0.1, 0.5, 0.9, 1)
FLOATS = ("float16", "bfloat16", "float32", "float64")


def rows_of(summary: Summary) -> int:
    """Rows of a config, all splits together."""
    return sum(split["rows"] for split in summary["splits"].values())


def level(summary: Summary) -> int:
    """Up to which of ``LEVELS`` a config's rows were tried."""
    return LEVELS.index(summary["yield"]["verify"])


def reached(summary: Summary, tier: str) -> int:
    """Rows that say they have a tier, not counting those of a higher one."""
    return sum(count.get(tier, 0) for count in summary["statistics"]["categories"].values())


def configs(summaries: Sequence[Summary]) -> str:
    """What there is to load: rows a split, size, sample."""
    splits = [split for split in SPLITS if any(split in s["splits"] for s in summaries)]
    lines = []
    for summary in summaries:
        config = summary["config"]
        told = [summary["splits"].get(split) for split in splits]
        lines.append(
            (
                f"`{config}`",
                *columns.CONFIGS[config],
                *(number(split["rows"]) if split else NONE for split in told),
                megabytes(sum(split["bytes"] for split in told if split)),
                f"`{config}-sample`, {number(summary['sample_rows'])}",
            )
        )
    head = ("config", "Python", "compiled", *splits, "Parquet", "sample, rows")
    return table(head, lines)


def tiers(summaries: Sequence[Summary]) -> str:
    """What each tier means, and how many rows of each config it is the highest of."""
    lines = []
    for index, tier in enumerate(TIERS):
        found = [
            number(reached(summary, tier)) if index <= level(summary) else "not tried"
            for summary in summaries
        ]
        lines.append((f"`{tier}`", columns.TIERS[tier], *found))
    return table(("tier", "shown", *(f"`{s['config']}`" for s in summaries)), lines)


def yields(summary: Summary) -> str:
    """How many kernels of each category came how far."""
    head, *lines = _yield(summary).table()
    told = [(name, *(number(int(cell)) for cell in cells)) for name, *cells in lines]
    return table(head, told, right=True)


def _yield(summary: Summary) -> Yield:
    found = Yield()
    found.join(summary["yield"])
    return found


def replaced(summary: Summary) -> int:
    """Kernels that gave no row: their indices' next variants took their place."""
    return _yield(summary).replaced


def reasons(summary: Summary) -> str:
    """What stopped the kernels that missed a tier or gave no row; empty when none did."""
    lines = [
        (
            reason["stage"],
            code(reason["reason"]),
            number(reason["count"]),
            "kept, with the tier below" if reason["kept"] else "replaced",
            code(reason["repro"]),
        )
        for reason in summary["yield"]["reasons"]
    ]
    return table(("missed", "reason", "times", "the row", "shown by"), lines) if lines else ""


def diversity(summaries: Sequence[Summary]) -> str:
    """How much the rows differ: a column a config."""
    found = [_diversity(summary) for summary in summaries]
    names = list(dict.fromkeys(name for told in found for name in told))
    lines = [(name, *(told.get(name, "") for told in found)) for name in names]
    return table(("", *(f"`{s['config']}`" for s in summaries)), lines)


def _diversity(summary: Summary) -> dict[str, str]:
    told, distinct, rows = summary["statistics"], summary["uniqueness"], rows_of(summary)
    kinds = [sum(c.get(t, 0) for t in TIERS) for c in told["categories"].values()]
    smooth = sum(c.get("differentiable", 0) for c in told["categories"].values())
    operations = ordered(told["operations"]["rows"])
    dtypes, ranks = told["arguments"]["dtype"], told["arguments"]["rank"]
    floats = {name: dtypes[name] for name in FLOATS if name in dtypes}
    lines = {
        "distinct after renaming": f"{number(distinct['fingerprints'])} of "
        f"{number(distinct['rows'])}",
        "distinct after masking numbers too": f"{number(distinct['structures'])} of "
        f"{number(distinct['rows'])}",
        "kernel types; rows of the fewest and the most": f"{len(kinds)}; "
        f"{number(min(kinds))} and {number(max(kinds))}",
        "`differentiable`": share(smooth, rows),
        "operations used": number(len(operations)),
        "most frequent, rows with it": _common(operations[:5], rows),
        "least frequent, rows with it": ", ".join(
            f"{code(name)} {number(n)}" for name, n in operations[-3:]
        ),
        "operations of a row: " + _PARTS: _quantiles(told["operations"]["each"]),
    }
    for what, found in vocabularies(summary["config"], told["opcodes"]):
        names = {name for counts in found.values() for name in counts}
        lines[what] = number(len(names))
    lines["names of the libraries in the Python"] = number(
        len({name for names in told["names"].values() for name in names})
    )
    depths = {c: told["depths"][c] for c in TEXTS if c in told.get("depths", {})}
    lines[f"depth of the syntax tree, every {EVERY}th row: {_PARTS}"] = "; ".join(
        (f"`{column}` " if len(depths) > 1 else "") + _quantiles(counts)
        for column, counts in depths.items()
    )
    whole = sum(dtypes.values())
    lines["floats among the arguments"] = ", ".join(
        f"{name} {share(n, whole)}" for name, n in ordered(floats)
    )
    lines["other dtypes, most frequent first"] = ", ".join(
        name for name, _ in ordered(dtypes) if name not in floats
    )
    lines["ranks of arguments"] = ", ".join(
        f"{rank}: {share(n, whole)}" for rank, n in sorted(ranks.items(), key=lambda r: int(r[0]))
    )
    return lines


_PARTS = "least / 10 % / median / 90 % / most"


def _quantiles(counts: Mapping[str, int]) -> str:
    return " / ".join(number(value) for value in quantiles(counts, *PARTS))


def _common(names: Sequence[tuple[str, int]], rows: int) -> str:
    return ", ".join(f"{code(name)} {share(n, rows)}" for name, n in names)


def texts(summaries: Sequence[Summary]) -> str:
    """How long the texts of each column are."""
    lines = []
    for summary in summaries:
        told = summary["statistics"]
        for column in (c for c in TEXTS if c in told["lines"]):
            sizes = quantiles(told["characters"][column], *PARTS[1:4])
            lines.append(
                (
                    f"`{summary['config']}`",
                    f"`{column}`",
                    number(told["total"]["texts"][column]),
                    _quantiles(told["lines"][column]),
                    " / ".join(map(rounded, sizes)),
                    f"{number(told['total']['characters'][column])}",
                )
            )
    head = ("config", "column", "texts", f"lines: {_PARTS}", "characters: 10 % / median / 90 %")
    return table((*head, "characters in all"), lines)


def schema(configs: Sequence[str]) -> str:
    """Every column of these configs: who has it, its type and what it holds."""
    head = ("column", "configs", "type", "what it holds")
    lines = columns.lines(tuple(configs))
    if len(configs) == 1:
        return table((head[0], *head[2:]), [(name, *rest) for name, _, *rest in lines])
    return table(head, lines)


def argument() -> str:
    """The fields of an entry of ``inputs``."""
    return table(("field", "what it holds"), [(f"`{k}`", v) for k, v in columns.ARGUMENT.items()])


def made(summaries: Sequence[Summary]) -> str:
    """What each config was made with."""
    tools = list(dict.fromkeys(tool for s in summaries for tool in s["toolchain"]))
    lines = [
        (
            f"`{s['config']}`",
            s["version"],
            f"`{s['code']}`",
            *(s["toolchain"].get(tool, "") for tool in tools),
            str(s["seed"]),
            ", ".join(code(f"{k}={v!r}") for k, v in s["options"].items()) or "defaults",
        )
        for s in summaries
    ]
    return table(("config", "jit_synthesis", "code", *tools, "seed", "options"), lines)
