"""The digest of a report: SHA-256 of its data in one canonical form, as anybody can compute it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

#: How to compute it without rtsched.
RECIPE = (
    "python3 -c \"import hashlib, json; d = json.load(open('report.json', encoding='utf-8')); d.pop('digest'); "
    "print(hashlib.sha256(json.dumps(d, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode())"
    '.hexdigest())"'
)


def canonical(document: dict[str, Any]) -> bytes:
    """The data without their own digest: keys sorted, no blanks, UTF-8, numbers as Python writes them."""
    bare = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="backslashreplace")


def digest(document: dict[str, Any]) -> str:
    """SHA-256 of `canonical`, in hexadecimal digits."""
    return hashlib.sha256(canonical(document)).hexdigest()
