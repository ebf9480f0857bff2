"""Systems from the files users already have: SimSo XML and rt-app JSON."""

from __future__ import annotations

from rtsched.errors import InputError
from rtsched.importers.common import ImportResult, read_source

__all__ = ["ImportResult", "import_file"]


def import_file(path: str) -> ImportResult:
    """The system in a SimSo XML or an rt-app JSON file (decided by what it contains), and what could not come along."""
    text = read_source(path)
    start = text.lstrip()[:1]
    if start == "<":
        from rtsched.importers.simso import read

        return read(path, text)
    if start in ("{", "/"):
        from rtsched.importers.rtapp import read as read_json

        return read_json(path, text)
    raise InputError(f"{path}: neither SimSo XML (begins with '<') nor rt-app JSON (begins with '{{'); check the file")
