"""What all pictures have in common: names are never read as formulas, and a letter that no font has is no alarm."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def plain(**look: Any) -> Iterator[None]:
    """Settings of matplotlib under which a picture is drawn and written: the same bytes each time."""
    import logging

    import matplotlib

    fonts = logging.getLogger("matplotlib")
    level = fonts.level
    settings: Any = {"svg.hashsalt": "rtsched", "pdf.fonttype": 42, "text.parse_math": False} | look
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        fonts.setLevel(logging.ERROR)
        try:
            yield
        finally:
            fonts.setLevel(level)
