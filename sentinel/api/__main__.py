"""`python -m sentinel.api` serves the API."""

import sys

from sentinel.api import main

sys.exit(main())
