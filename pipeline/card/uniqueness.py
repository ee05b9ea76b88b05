"""Whether fingerprints are distinct, and how many structures are: 32 bytes of memory a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.shards import Shard

COLUMNS = ("fingerprint", "structure")
POINTS = 24  # of the curve of distinct structures


class Keys:
    """The fingerprints and structures of so many rows, each a number of 16 bytes.

    Rows are numbered through all shards of a run. Threads may add different rows at once.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.of = {column: np.zeros((rows, 2), "u8") for column in COLUMNS}

    def add(self, start: int, table: pa.Table) -> None:
        """Take in rows from ``start`` on; ValueError for a text that is no such number."""
        for column, keys in self.of.items():
            texts = table[column].to_pylist()
            if any(text is None or len(text) != 32 for text in texts):
                raise ValueError(f"a {column} has not 32 hexadecimal digits")
            found = np.frombuffer(bytes.fromhex("".join(texts)), ">u8").reshape(-1, 2)
            keys[start : start + len(found)] = found

    def doubles(self) -> list[tuple[int, int]]:
        """Pairs of rows with one fingerprint: the first that has it, and another."""
        order, first = _grouped(self.of["fingerprint"])
        group = np.cumsum(first) - 1
        again = np.flatnonzero(~first)
        pairs = zip(order[first][group[again]].tolist(), order[again].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: pair[1])

    def told(self) -> dict[str, Any]:
        """How many are distinct, and how that grows with the rows."""
        order, first = _grouped(self.of["structure"])
        firsts = np.sort(order[first])
        at = sorted({-(-self.rows * n // POINTS) for n in range(1, POINTS + 1)})
        return {
            "rows": self.rows,
            "fingerprints": int(_grouped(self.of["fingerprint"])[1].sum()),
            "structures": len(firsts),
            "curve": [[rows, int(np.searchsorted(firsts, rows))] for rows in at],
        }


def _grouped(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows in order of their keys, equal ones in their own; and which is the first of its key."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    first = np.ones(len(keys), bool)
    for half in (0, 1):
        found = keys[order, half]
        differs = found[1:] != found[:-1]
        first[1:] = differs if half == 0 else first[1:] | differs
    return order, first


def uniqueness(
    config: str, shards: Sequence[Shard], read: Callable[[str], BinaryIO]
) -> dict[str, Any]:
    """What `Keys.told` says of shards that are read; ValueError where two rows are alike.

    It shows as well that each can be read and holds the rows that its record says.
    """
    keys, start = Keys(sum(shard.rows for shard in shards)), 0
    for shard in shards:
        with closing(read(shard.path)) as file:
            table = pq.ParquetFile(file).read(list(COLUMNS))
        if table.num_rows != shard.rows:
            raise ValueError(f"{shard.path} holds {table.num_rows} rows: throw it away, try again")
        keys.add(start, table)
        start += table.num_rows
    found = keys.told()
    if found["fingerprints"] != found["rows"]:
        raise ValueError(
            f"{found['rows'] - found['fingerprints']} of {found['rows']} {config} rows have the "
            "fingerprint of another: an error of this project, please report it"
        )
    return found
