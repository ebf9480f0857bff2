"""One browser for all tests of pages: starting it costs a few seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.page.browser import COMMAND, Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium; what needs it is skipped where it is not installed or does not start."""
    if COMMAND is None:
        pytest.skip("Chromium is not installed here, which these tests look through")
    try:
        found = Browser(tmp_path_factory.mktemp("browser"))
    except (AssertionError, OSError) as error:
        pytest.skip(f"Chromium does not start here: {error}")
    yield found
    found.close()
