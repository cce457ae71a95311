r"""Texts in quotes as Prometheus reads them, which is as Go does.

Between `"` or `'`, a backslash begins an escape: `\a \b \f \n \r \t \v \\`, the quote itself,
`\ooo`, `\xhh`, `\uhhhh` or `\Uhhhhhhhh`; any other is an error. Between backquotes is no escape
(https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals).
"""

from __future__ import annotations

import re

__all__ = ["unquoted"]

_ONE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_PART = re.compile(
    r"\\(?:([abfnrtv\\])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))"
    r"|([^\\]+)",
    re.S,
)


def unquoted(literal: str) -> str:
    r"""Return what a text in quotes says.

    Args:
        literal: with its quotes: `"a\nb"`, `'a'` or `` `\d+` ``

    Returns:
        The text.

    Raises:
        ValueError: it does not end with the quote that it begins with, or an escape is unknown
    """
    quote, inner = literal[:1], literal[1:-1]
    if len(literal) < 2 or literal[-1] != quote or quote not in "\"'`":
        raise ValueError("it does not end with the quote that it begins with")
    if quote == "`":
        if quote in inner:
            raise ValueError("there is a backquote within backquotes")
        return inner
    found = bytearray()
    for part in _PART.finditer(inner):
        one, octal, two, four, eight, unknown, plain = part.groups()
        if plain is not None:
            if quote in plain:
                raise ValueError(f"there is a {quote} within it; write \\{quote}")
            found += plain.encode()
        elif one is not None:
            found.append(_ONE[one])
        elif octal is not None or two is not None:
            number = int(octal, 8) if octal is not None else int(two, 16)
            if number > 255:
                raise ValueError(f"there is no byte \\{octal}")
            found.append(number)
        elif four is not None or eight is not None:
            found += _character(int(four or eight, 16)).encode()
        elif unknown == quote:
            found += quote.encode()
        else:
            raise ValueError(
                f"the escape \\{unknown} is unknown; write \\\\{unknown} for a backslash, "
                "or the text in backquotes"
            )
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise ValueError("its bytes are no UTF-8") from None


def _character(number: int) -> str:
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise ValueError(f"there is no character {number:#x}")
    return chr(number)
