"""The option ``--corpus DIR`` of rtsched's own tests.

It stands in a pytest plug-in because pytest must know that an option takes a value before it looks for test folders:
an option of ``tests/conftest.py`` is learnt too late, and DIR would be taken for a folder of tests.
"""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Register the option."""
    parser.addoption("--corpus", metavar="DIR", help="rtsched's tests: a folder with corpus files, searched by content")
