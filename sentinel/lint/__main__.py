"""`python -m sentinel.lint`."""

import sys

from sentinel.lint.deployment_file import main

sys.exit(main(sys.argv[1:]))
