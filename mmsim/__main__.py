"""`python -m mmsim`: the same as the command `mmsim`."""

import sys

from mmsim.cli import main

if __name__ == "__main__":
    sys.exit(main())
