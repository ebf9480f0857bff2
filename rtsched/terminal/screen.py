"""A terminal that a program has to itself for a while: single keys, a screen of its own, in the end all as before."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rtsched.errors import InputError
from rtsched.visible import visible

INSTEAD = "write --text-gantt to print the schedule, or --html FILE for a page to explore"
#: Another screen, without a cursor; and back.
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


class Screen:
    """Where frames are shown, and keys are read."""

    def __init__(self, keys: int, out: TextIO) -> None:
        self._keys = keys
        self._out = out

    def read(self) -> str:
        """The keys that were pressed, when there are some; "" when there will be none any more."""
        return os.read(self._keys, 64).decode(errors="replace")

    def show(self, lines: list[str]) -> None:
        """Show a frame instead of the one before."""
        self._out.write("\x1b[H" + "\r\n".join(f"{visible(line)}\x1b[K" for line in lines) + "\x1b[J")
        self._out.flush()

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        found = os.get_terminal_size(self._out.fileno())
        return max(40, found.columns or 80), max(12, found.lines or 24)


def check() -> None:
    """Raises InputError where nothing can be played, and says what to do instead."""
    if os.name == "nt":
        raise InputError(f"--watch plays in a terminal of Linux or macOS, and not on Windows; {INSTEAD}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in ("", "dumb"):
        raise InputError(f"--watch plays in a terminal, and there is none; {INSTEAD}")


@contextmanager
def screen() -> Iterator[Screen]:
    """The terminal, until the end of the block: however it ends, the terminal is then as it was."""
    import termios
    import tty

    keys = sys.stdin.fileno()
    before = termios.tcgetattr(keys)
    try:
        tty.setcbreak(keys)
        sys.stdout.write(ENTER)
        yield Screen(keys, sys.stdout)
    finally:
        termios.tcsetattr(keys, termios.TCSANOW, before)
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
