"""JSON as people write it: with comments, trailing commas and keys that repeat."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

from rtsched.errors import InputError
from rtsched.importers.common import MOST_DEPTH, MOST_ITEMS
from rtsched.model.document import cut

#: Strings and comments; the possessive and open-ended parts keep broken files linear.
STRING: Final = r'"(?:[^"\\\n]|\\.)*+"?'
COMMENT: Final = re.compile(STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
#: Strings, commas before a closing bracket, and brackets.
BRACKET: Final = re.compile(STRING + r"|,(?=\s*[}\]])|[\[\]{}]", re.DOTALL)


class Pairs(list[tuple[str, Any]]):
    """A JSON object whose keys may repeat."""

    __slots__ = ()

    def get(self, key: str, default: Any = None) -> Any:
        """The first value of a key."""
        return next((value for name, value in self if name == key), default)


def parse(path: str, text: str) -> Any:
    """The data of a text, objects as `Pairs` and fractions as Decimal; raises InputError with line and column."""
    try:
        return json.loads(_plain(path, text), object_pairs_hook=Pairs, parse_float=Decimal)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise InputError(f"{place}: is not JSON: {error.msg}; check the file") from None
    except (ValueError, ArithmeticError) as error:  # numbers beyond measure
        raise InputError(f"{path}: is not JSON: {cut(str(error), 120)}; check the file") from None


def _plain(path: str, text: str) -> str:
    """The text with blanks for comments and trailing commas, so that places stay, of bounded depth and size."""
    if text.count(",") + text.count("{") + text.count("[") > MOST_ITEMS:
        raise InputError(f"{path}: has more than {MOST_ITEMS} values; split it")
    depth = 0

    def keep(match: re.Match[str]) -> str:
        nonlocal depth
        token = match.group()
        if token in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                line = text.count("\n", 0, match.start()) + 1
                raise InputError(f"{path}:{line}: is nested deeper than {MOST_DEPTH} levels; this is no rt-app file")
        elif token in "]}":
            depth -= 1
        elif token == ",":
            return " "
        return token

    text = COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else re.sub(r"[^\n]", " ", match[0]), text)
    return BRACKET.sub(keep, text)
