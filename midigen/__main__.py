"""`python -m midigen`: the same as the `midigen` command."""

import sys

from midigen.cli import main

sys.exit(main())
