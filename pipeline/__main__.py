"""``python -m pipeline``: the same as the installed ``jit-synthesis``."""

import sys

from pipeline.start import main

if __name__ == "__main__":  # spawned workers import this file too
    sys.exit(main())
