"""One small safe language for conditions and texts: `value > 90 and labels.mount != "/tmp"`.

Python's own syntax for comparisons, arithmetic, boolean logic, membership, calls of the listed
functions, and labels by name. `parsing` reads and bounds it, `compiling` makes closures of it,
`functions` lists what may be called, `text` fills templates in. Why none of the existing
languages: docs/adr/0013.

What is not there is None: a comparison of size with it is false, arithmetic with it is None.
Ask with `has(details.region)` or give another value with `default(details.region, "eu")`.
"""

from __future__ import annotations

from sentinel.errors import ExpressionError
from sentinel.expression.compiling import Expression, compile_expression
from sentinel.expression.functions import FUNCTIONS

__all__ = ["FUNCTIONS", "Expression", "ExpressionError", "compile_expression"]
