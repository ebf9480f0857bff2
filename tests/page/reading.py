"""What a page holds, read as its own scripts read it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any


def element(page: str, name: str) -> str:
    """The text of a script element, up to where a browser sees it end."""
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script', page, re.DOTALL)
    assert found is not None
    return found[1]


def facts(page: str) -> dict[str, Any]:
    """Names and figures."""
    found: dict[str, Any] = json.loads(element(page, "facts"))
    return found


def tables(page: str) -> dict[str, dict[str, list[int]]]:
    """All columns by table: planes of bytes, 2n for n and -2n-1 for what is negative, differences added up."""
    (found,) = _unpacked(page, [facts(page)["index"]])
    return found


def several(page: str) -> list[dict[str, dict[str, list[int]]]]:
    """The same for each run of a page of several."""
    return _unpacked(page, [run["index"] for run in facts(page)["runs"]])


def _unpacked(page: str, indices: list[list[list[Any]]]) -> list[dict[str, dict[str, list[int]]]]:
    data = gzip.decompress(base64.b64decode(element(page, "columns")))
    runs: list[dict[str, dict[str, list[int]]]] = []
    at = 0
    for index in indices:
        found: dict[str, dict[str, list[int]]] = {}
        for name, key, rows, width, *minus in index:
            planes = [data[at + place * rows : at + (place + 1) * rows] for place in range(width)]
            at += rows * width
            plain = [sum(plane[row] << 8 * place for place, plane in enumerate(planes)) for row in range(rows)]
            values = [-(number + 1) // 2 if number % 2 else number // 2 for number in plain]
            table = found.setdefault(name, {})
            if minus == ["previous"]:
                for row in range(1, rows):
                    values[row] += values[row - 1]
            elif minus:
                values = [value + base for value, base in zip(values, table[minus[0]], strict=True)]
            table[key] = values
        runs.append(found)
    assert at == len(data)
    return runs
