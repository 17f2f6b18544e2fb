"""`python -m midigen`: the same as the `midigen` command."""

import sys

from midigen.app.cli import main

if __name__ == "__main__":  # not in the processes that read a corpus
    sys.exit(main())
