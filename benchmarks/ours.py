"""The way of this project, for the benchmark: ``python benchmarks/ours.py CONFIG COUNT [VERIFY]``.

Rows as the builder makes them, worker process and all; prints the characters in them.
"""

from __future__ import annotations

import sys

from jit_synthesis import JitSynthesisConfig, rows


def main() -> None:
    config, count = sys.argv[1], int(sys.argv[2])
    verify = sys.argv[3] if len(sys.argv) > 3 else "extract"
    total = 0
    for row in rows(JitSynthesisConfig(config, num_train=count, verify=verify), "train", 0, count):
        total += sum(len(value) for value in row.values() if isinstance(value, str))
    print(total)


if __name__ == "__main__":
    main()
