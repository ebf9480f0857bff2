"""The schedule as text, and played in the terminal: ``run --text-gantt`` and ``run --watch``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rtsched.cli.console import room
from rtsched.errors import InputError

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: How wide the schedule is where nobody knows how wide the output is.
WIDTH = 80


def check_text(drawn: bool, played: bool, *, as_json: bool, kept: bool) -> None:
    """Refuse what cannot be drawn or played, before a run begins. Raises InputError."""
    if not (drawn or played):
        return
    option = "--text-gantt" if drawn else "--watch"
    if as_json:
        raise InputError(f"--json prints data alone; leave it out, or {option}")
    if not kept:
        raise InputError(f"--no-trace keeps no trace to show; leave it out, or {option}")
    if played:
        from rtsched.terminal.screen import check

        check()


def as_text(trace: Trace, start: int | None, end: int | None) -> str:
    """The schedule as text, as wide as the output."""
    from rtsched.terminal.gantt import text_gantt
    from rtsched.terminal.signs import signs_for

    return text_gantt(trace, room() or WIDTH, start=start, end=end, signs=signs_for(sys.stdout.encoding))


def watch_it(trace: Trace) -> None:
    """Play a run in this terminal until somebody has seen enough."""
    from rtsched.terminal.play import Player, play
    from rtsched.terminal.screen import screen
    from rtsched.terminal.signs import signs_for

    player = Player(trace, signs_for(sys.stdout.encoding))
    with screen() as own:
        play(player, own.read, own.show, own.size)
