"""What was proven, beside one run of the same system and policy: what the page of an analysis shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtsched import api
from rtsched.errors import SoundnessError
from rtsched.model.origin import PROVING
from rtsched.schedulability.theorem import theorems
from rtsched.verify import words
from rtsched.verify.basis import basis_of, claim, short
from rtsched.verify.observation import Observer
from rtsched.verify.patterns import Pattern
from rtsched.verify.verification import Verification
from rtsched.visible import cut, visible

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

#: The longest line that is shown, and the letters of a calculation.
LONGEST, MOST_LETTERS = 1000, 200_000


def declared_run(found: Verification) -> Trace:
    """The run that the file declares, of the very system that was analysed: with the largest times where such are.

    Raises SoundnessError where it beats what is proven, and InputError where it cannot be run.
    """
    seed = found.loaded.system.simulate.seed
    prepared = replace(api.prepare(found.loaded), spec=found.system)
    trace = prepared.run(api.scheduler(found.description), seed, reasons=True)  # which the page explains jobs by
    observer = Observer(found.analysis, found.description, seed)
    try:
        observer.judge(trace, Pattern("as declared, for as long as the file says", found.system, prepared.until, seed))
    except SoundnessError as error:
        error.source = found.loaded, found.description
        raise
    return trace


def proof(found: Verification) -> dict[str, Any]:
    """The verdict in words, with those on chains; of each task its bound in ns, or None, and words; the calculation."""
    lines = [*words.verdict(found).split("\n"), *map(visible, words.chains(found))]
    bounds = [_bound(found, task.index) for task in found.system.tasks]
    return {"words": "\n".join(cut(line, LONGEST) for line in lines), "bounds": bounds, "steps": _steps(found)}


def _steps(found: Verification) -> str:
    """The calculation as `rtsched analyse --steps` writes it down, as far as it has room."""
    lines = [line for board in found.steps() for line in ("", *board.text(elsewhere=False))][1:]
    room, kept = MOST_LETTERS, []
    for line in lines:
        kept.append(cut(line, LONGEST))
        room -= len(kept[-1])
        if room < 0:
            kept.append(f"… {len(lines) - len(kept)} more lines: rtsched analyse --steps")
            break
    return "\n".join(kept)


def _bound(found: Verification, index: int) -> dict[str, Any]:
    bound, verdict, basis = found.bounds[index], found.task_verdict(index), basis_of(found, [index])
    known = theorems()
    by = known[bound.test].called if bound.test in known else bound.test
    if bound.wcrt is None:
        text = f"no bound; {claim(verdict, basis, found.violated)}"
        if verdict == "schedulable" and basis in PROVING and not found.violated:
            text = "proven to be in time, without a bound"
    else:
        exact = ", attained" if bound.exact else ""
        text = f"bound {words.time(bound.wcrt)} by {by}{exact}; {claim(verdict, basis, found.violated)}"
    return {"most": bound.wcrt, "words": cut(text, 300), "verdict": short(verdict, basis, found.violated)}
