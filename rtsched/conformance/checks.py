"""The checks: what each asks of a policy in one trial. None: not of this system; empty: it fits; else what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtsched.conformance.foresight import foresight
from rtsched.conformance.monotone import monotone
from rtsched.conformance.sustainable import later_release, one_processor_more, shorter_execution
from rtsched.conformance.symmetric import symmetric
from rtsched.conformance.trial import Trial
from rtsched.engine.views import HiddenError
from rtsched.schedulers.claims import CLAIMS

#: What a check says of one trial.
Look = Callable[[Trial], str | None]


@dataclass(frozen=True)
class Check:
    """A question to a policy; it is held to one that is called as a claim only where it claims that."""

    name: str
    question: str
    look: Look

    @property
    def is_claim(self) -> bool:
        """Whether only a policy that claims it has to pass."""
        return self.name in CLAIMS


def ends(trial: Trial) -> str | None:
    """The run comes to an end."""
    return trial.plain.endless


def legal(trial: Trial) -> str | None:
    """No action is refused, and no code fails."""
    run = trial.plain
    return None if run.endless or isinstance(run.watched.error, HiddenError) else run.failure


def wake_ups(trial: Trial) -> str | None:
    """Nothing ready waits for ever."""
    run = trial.plain
    if run.failure or trial.spec.planner is not None:
        return None
    return run.lost


def determinism(trial: Trial) -> str | None:
    """The same again."""
    if trial.plain.endless:
        return None
    again = trial.run()
    if again.failure != trial.plain.failure:
        return f"the same run ends otherwise: {again.failure or 'all is well'}"
    return "" if again.digest == trial.plain.digest else _difference(trial, again.trace)


def _difference(trial: Trial, other: object) -> str:
    first, second = trial.plain.trace, other
    assert first is not None
    rows, others = first.slices.tolist(), second.slices.tolist()  # type: ignore[attr-defined]
    for row, then in zip(rows, others, strict=False):
        if row != then:
            return f"the same run again is another from {min(row[0], then[0])} ns on"
    return "the same run again has another end, or other outcomes"


def rules(trial: Trial) -> str | None:
    """What happened breaks no rule of the simulator."""
    if trial.plain.failure or trial.plain.trace is None:
        return None
    broken = trial.plain.trace.check()
    return f"{broken[0]}: this is rtsched's own bug, please report it" if broken else ""


def work_conserving(trial: Trial) -> str | None:
    """No processor idles beside work."""
    if not _pooled(trial, "work-conserving"):
        return None
    return trial.plain.watched.stood.get("idle", "")


def bounded_inversion(trial: Trial) -> str | None:
    """Nothing less urgent goes first; not asked where resources are locked, whose protocols lend urgency."""
    locks = any(node.sections for task in trial.spec.tasks for node in task.all_nodes)
    if locks or not hasattr(trial.plain.watched.scheduler, "key") or not _pooled(trial, "bounded-inversion"):
        return None
    return trial.plain.watched.stood.get("inverted", "")


def _pooled(trial: Trial, claim: str) -> bool:
    """Whoever claims it is asked where segments that share processors share all of them; others everywhere.

    Elsewhere rule R6 itself leaves a pinned segment waiting for its pin beside a processor that somebody else may use.
    """
    if trial.plain.failure or trial.spec.planner is not None:
        return False
    places = {node.eligible for task in trial.spec.tasks for node in task.all_nodes}
    uniform = sum(map(len, places)) == len(set().union(*places))
    return uniform or claim not in trial.claims


CHECKS = (
    Check("ends", "every run comes to its end", ends),
    Check("legal-actions", "no action on what is over, busy or elsewhere; no code that fails", legal),
    Check("determinism", "the same run, the same trace, in any process", determinism),
    Check("wake-ups", "nothing ready stays for ever beside an idle processor that could run it", wake_ups),
    Check("honesty", "what is not known yet changes nothing", foresight),
    Check("rules", "what happens breaks no rule of the simulator", rules),
    Check("work-conserving", CLAIMS["work-conserving"], work_conserving),
    Check("bounded-inversion", CLAIMS["bounded-inversion"], bounded_inversion),
    Check("sustainable-execution", CLAIMS["sustainable-execution"], shorter_execution),
    Check("sustainable-release", CLAIMS["sustainable-release"], later_release),
    Check("sustainable-processors", CLAIMS["sustainable-processors"], one_processor_more),
    Check("monotone", CLAIMS["monotone"], monotone),
    Check("symmetric", CLAIMS["symmetric"], symmetric),
)
