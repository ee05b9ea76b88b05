"""Where the installed command begins: importing takes a moment, and Ctrl-C may come in it."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; its exit code."""
    try:
        from pipeline.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("jit-synthesis: interrupted", file=sys.stderr)
        return 130
