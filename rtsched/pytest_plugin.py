"""What pytest has of rtsched: the fixture `check_scheduler` for anybody's policies, and an option of its own tests.

The option ``--corpus DIR`` stands in a pytest plug-in because pytest must know that an option takes a value before it
looks for test folders: an option of ``tests/conftest.py`` is learnt too late, and DIR would be taken for a folder of
tests.
"""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    """Register the option."""
    parser.addoption("--corpus", metavar="DIR", help="rtsched's tests: a folder with corpus files, searched by content")


@pytest.fixture
def check_scheduler() -> Any:
    """``check_scheduler(MyPolicy)`` fails the test, with the smallest example, unless the policy conforms.

    It takes what ``rtsched.check_scheduler`` takes, and returns what that does.
    """
    from rtsched.conformance.judge import check_scheduler as check

    def checked(policy: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        found = check(policy, **options)
        if not found.fits:
            pytest.fail(str(found), pytrace=False)
        return found

    return checked
