"""`python -m runstudio` is the command `studio`, also where that is not on the PATH."""

import sys

from runstudio._cli import main

sys.exit(main())
