"""`python -m sentinel.cli`, the same as `sentinel`."""

import sys

from sentinel.cli.app import main

sys.exit(main())
