"""``--fail-on`` of the commands that prove: one list of answers, so that each means the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtsched.cli import options
from rtsched.errors import InputError

if TYPE_CHECKING:
    from rtsched.verify.criticality import Level
    from rtsched.verify.verification import Verification


def _hard(found: Verification, on: str) -> Level:
    from rtsched.verify.criticality import levels

    hard = next((level for level in levels(found) if level.criticality == "hard"), None)
    if hard is None:
        raise InputError(
            f"--fail-on {on}: no task of {found.system.name!r} is hard; add 'criticality: hard' where it is"
        )
    return hard


def _misses(found: Verification) -> bool:
    """Whether a limit of misses in a row is neither proven nor kept on condition."""
    from rtsched.verify.requirements import MISSES, requirements

    those = [each for each in requirements(found) if each.quantity == MISSES]
    if not those:
        raise InputError(
            f"--fail-on misses-unproven: no task of {found.system.name!r} limits its misses; add e.g. "
            "'misses: {most: 1, of: 10}' where it may"
        )
    return bool(found.violated) or any(each.word not in ("proven", "conditional") for each in those)


#: Each answer that can be asked for: what it means, and whether it is the case. One that needs something of the system
#: raises InputError where that is missing.
ANSWERS: dict[str, tuple[str, Callable[[Verification], bool]]] = {
    "unschedulable": (
        "a miss is possible, or a limit of a load is exceeded",
        lambda found: found.verdict == "unschedulable",
    ),
    "unproven": (
        "not all is proven, or holds for the largest times measured (typical times prove nothing)",
        lambda found: not (found.proven or found.conditional),
    ),
    "hard-unproven": ("not all hard tasks are", lambda found: not _hard(found, "hard-unproven").is_proven),
    "conditional": ("not all is proven for bounds that somebody answers for", lambda found: not found.proven),
    "hard-conditional": (
        "not all hard tasks are proven for such bounds",
        lambda found: not _hard(found, "hard-conditional").is_declared,
    ),
    "misses-unproven": (
        "not every limit of misses in a row (misses) is proven, or holds for the largest times measured",
        _misses,
    ),
}


def fail_on_proof() -> options.Option:
    """``--fail-on`` with all of them."""
    *others, last = [f"if {meaning}" for meaning, _ in ANSWERS.values()]
    return options.fail_on(*ANSWERS, text=f"Exit with 1 {'; '.join(others)}; or {last}.")


def fails(found: Verification, on: str | None) -> bool:
    """Whether the answer that was asked about is the case; never, where none was asked about. Raises InputError."""
    return on is not None and (ANSWERS[on][1](found) or _overloaded(found, on))


def _overloaded(found: Verification, on: str) -> bool:
    """Whether a limit of a load is not kept, or not as surely as is asked for; those of hard tasks alone have none."""
    from rtsched.verify.requirements import LOAD, requirements

    words = {"unschedulable": ("refuted",), "unproven": ("refuted", "open", "met, no proof")}
    words["conditional"] = (*words["unproven"], "conditional")
    return any(each.word in words.get(on, ()) for each in requirements(found) if each.of == LOAD)
