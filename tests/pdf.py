"""Whether a PDF can be made on this machine: that takes WeasyPrint and Pango."""

from __future__ import annotations

import pytest

from rtsched.errors import InputError
from rtsched.report.pdf import library


def has_weasyprint() -> bool:
    """Whether WeasyPrint and what it needs are there."""
    try:
        library()
    except InputError:
        return False
    return True


needs_weasyprint = pytest.mark.skipif(not has_weasyprint(), reason="there is no WeasyPrint, or no Pango")
