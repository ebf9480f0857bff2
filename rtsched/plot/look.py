"""What all pictures have in common: names are never read as formulas, and what fonts and folders lack is no alarm."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def plain(**look: Any) -> Iterator[None]:
    """Settings of matplotlib under which a picture is drawn and written: the same bytes each time."""
    import logging

    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)  # before it is imported: it tells of folders, too
    import matplotlib

    settings: Any = {
        "svg.hashsalt": "rtsched", "svg.fonttype": "none", "pdf.fonttype": 42, "text.parse_math": False,
    } | look  # fmt: skip
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        try:
            yield
        finally:
            log.setLevel(level)
