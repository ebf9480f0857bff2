"""The signs that a schedule is written with, and what is left of them where a console has ASCII alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Signs:
    """One sign of one column for everything that a schedule as text says."""

    run: str = "█"
    late: str = "▒"
    cost: str = "="
    wait: str = "·"
    preempted: str = "/"
    release: str = "↑"
    deadline: str = "↓"
    both: str = "↕"
    miss: str = "×"
    idle: str = " "
    axis: str = "─"
    tick: str = "┬"
    here: str = "▲"


PLAIN = Signs(
    run="#", late="%", wait=".", release="^", deadline="v", both="|", miss="X", axis="-", tick="+", here="A"
)  # fmt: skip

#: What each of them says, in the order of the legend.
MEANING = {
    "run": "runs",
    "late": "runs after its deadline",
    "cost": "overhead",
    "wait": "released, not running",
    "preempted": "preempted",
    "release": "release",
    "deadline": "deadline",
    "both": "deadline and release",
    "miss": "deadline missed",
}


def signs_for(encoding: str | None) -> Signs:
    """The signs that an encoding has: ASCII where it lacks one of the others."""
    full = Signs()
    try:
        "".join(vars(full).values()).encode(encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return PLAIN
    return full
