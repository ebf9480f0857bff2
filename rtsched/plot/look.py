"""What all pictures have in common: names are never read as formulas, and what fonts and folders lack is no alarm."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Okabe and Ito's colours, and hatches that repeat them for print in black and white.
COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#0072B2", "#D55E00", "#BBBBBB")
HATCHES = ("", "//", "..", "\\\\", "xx", "--", "oo", "++")
MISS = "#C00000"
#: Points (1/72 inch): of names beside lanes and of the time, of what is written into bars, of the title.
NAMES, INSIDE, TITLE = 8.5, 7.5, 10.5

#: The most characters of a name beside a lane or above all, and of what a policy is called.
LONGEST_NAME, LONGEST_TITLE = 60, 100


def look_of(task: int) -> tuple[str, str]:
    """The colour and the hatch of a task, by its index."""
    return COLOURS[task % len(COLOURS)], HATCHES[(task + task // len(COLOURS)) % len(HATCHES)]


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
