"""Tasks that are served within a budget on one preemptive processor, beside others, by fixed priorities or deadlines.

What a server does to less urgent tasks holds whatever arrives at it and however long that takes; what it does for the
task that it serves rests on that task's own C and T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rtsched.model.policy import ServerKind
from rtsched.schedulability.models import Sporadic
from rtsched.schedulability.result import Bound, Contribution, Result, from_bounds
from rtsched.schedulability.theorem import theorem
from rtsched.schedulability.theorems.fixpoint import least_fixpoint


@dataclass(frozen=True, slots=True)
class ServedTask:
    """A task, and the `budget` that it has each `period` of its server (0: it has none, and is not limited).

    A task that is not `bounded` arrives at any time and takes what it likes: its C, T and D say nothing.
    """

    task: Sporadic
    budget: int = 0
    period: int = 0
    bounded: bool = True

    @property
    def name(self) -> str:
        """Of the task."""
        return self.task.name

    @property
    def chunks(self) -> int:
        """How many budgets a job needs."""
        return -(-self.task.C // self.budget)


@dataclass(frozen=True)
class ServedTasks:
    """Tasks and servers on `m` equal preemptive processors; under fixed priorities the most urgent first, and on one."""

    tasks: tuple[ServedTask, ...]
    kind: ServerKind
    name: str = "processor"
    m: int = 1

    @property
    def loads(self) -> list[Fraction]:
        """The bandwidth of each server, Q/P."""
        return [Fraction(each.budget, each.period) for each in self.tasks if each.budget]


def fixed_priorities(model: ServedTasks) -> str | None:
    """The servers have fixed priorities, on one processor."""
    if model.m > 1:
        return "it is about one processor"
    return "it is about servers with fixed priorities" if model.kind == "bandwidth" else None


def by_deadlines(model: ServedTasks) -> str | None:
    """The servers have deadlines."""
    return None if model.kind == "bandwidth" else "it is about servers that are ordered by deadlines"


def most(model: ServedTasks) -> Fraction:
    """How much of the processors the budgets may be: m - (m - 1) times the largest one; all of a single processor."""
    return model.m - (model.m - 1) * max(model.loads, default=Fraction(0))


def within(model: ServedTasks) -> str | None:
    """The budgets together are no more than what EDF serves in time, and none is more than a processor."""
    load, limit = sum(model.loads, Fraction(0)), most(model)
    if load <= limit and max(model.loads, default=Fraction(0)) <= 1:
        return None
    least = f", more than {float(limit):.3f}" if model.m > 1 else ""
    return f"the budgets are {float(load):.3f} of {model.name!r}{least}"


def interference(each: ServedTask, kind: ServerKind, window: int) -> int:
    """The most that a task or its server delays less urgent ones in a busy period so long (above 0).

    A polling server begins a job of at most its budget at each multiple of its period, and does not stop before it is
    done; of a sporadic one no part of the budget is used twice in busy periods that begin within a period. They are
    periodic tasks. A deferrable one may use a budget at the end of a period, and the next one at once.

    >>> served = ServedTask(Sporadic("r", 9, 9, 9), budget=2, period=5)
    >>> [interference(served, kind, 6) for kind in ("polling", "sporadic", "deferrable")]
    [4, 4, 4]
    >>> interference(served, "polling", 3), interference(served, "deferrable", 3)
    (2, 4)
    """
    if not each.budget:
        return -(-(window + each.task.J) // each.task.T) * each.task.C
    late = each.period - each.budget if kind == "deferrable" else 0
    return -(-(window + max(0, late)) // each.period) * each.budget


def _delayed(model: ServedTasks, place: int, own: int, limit: int) -> tuple[int, tuple[Contribution, ...]] | None:
    """How long `own` ns at the priority of a place take from the start of a busy period, and what else is done then."""
    above = model.tasks[:place]
    if any(not each.budget and not each.bounded for each in above):
        return None
    w = least_fixpoint(lambda w: own + sum(interference(each, model.kind, w) for each in above), own, limit=limit)
    if w is None:
        return None
    amounts = ((each.name, interference(each, model.kind, w)) for each in above)
    return w, tuple(Contribution("interference", name, amount) for name, amount in amounts)


def _unlimited(model: ServedTasks, place: int) -> Bound:
    """R = J + w, w = C + what is more urgent; jobs of the task do not pile up, for R <= T."""
    task = model.tasks[place].task
    found = _delayed(model, place, task.C, task.T - task.J)
    if found is None:
        return Bound(task.name, None, task.D, converged=False)
    w, others = found
    return _bound(task, task.J + w, others)


def _bound(task: Sporadic, R: int, parts: Sequence[Contribution], server: str = "") -> Bound:
    """A bound with its parts: own time, jitter, `parts`, and the rest, that a job waits for a budget."""
    parts = [Contribution("own", task.name, task.C), Contribution("jitter", task.name, task.J), *parts]
    parts.append(Contribution("blocking", server, R - sum(part.amount for part in parts)))
    return Bound(task.name, R, task.D, tuple(part for part in parts if part.amount))


def _first_wait(each: ServedTask, kind: ServerKind, whole: int) -> int | None:
    """How long a job that finds its server idle waits at most until a budget is there that lasts (`whole`: see below).

    None: it is there at once.
    """
    if kind == "polling":
        return each.period - 1  # it came a tick after the poll
    if kind == "deferrable":  # all is used up, or it is less than there is time for before the period ends
        return max(each.period - each.budget, min(each.period, whole) - 1)
    if each.chunks == 1 and each.task.T - each.task.J >= each.period:
        return None  # what the job before used is back: it came a period ago
    return each.period  # what is used comes back a period after its use began, at most


def _served(model: ServedTasks, place: int) -> Bound:
    """n budgets, one a period, of which each lasts: the whole budget is used within `whole` <= P of being there.

    A sporadic server gives the next budget a period after the one before was used, by `whole`.
    """
    each = model.tasks[place]
    task, n = each.task, each.chunks
    none = Bound(task.name, None, task.D, converged=False)
    whole = _delayed(model, place, each.budget, each.period)
    last = _delayed(model, place, task.C - (n - 1) * each.budget, each.period)
    if not each.bounded or whole is None or last is None:
        return none
    between = each.period + (whole[0] if model.kind == "sporadic" else 0)
    R = task.J + (_first_wait(each, model.kind, whole[0]) or 0) + (n - 1) * between + last[0]
    return none if R > task.T else _bound(task, R, last[1], f"budget of {task.name}")


@theorem(
    "priority-servers",
    title="Servers under fixed priorities, response times beside them and within them",
    strength="sufficient",
    citation="Strosnider, Lehoczky, Sha, IEEE Trans. Computers 44(1), 1995; Sprunt, Sha, Lehoczky, Real-Time Systems "
    "1(1), 1989, as mended by Stanovich et al., RTAS 2010; supply: Davis, Burns, RTSS 2005; derived in the module",
    model=ServedTasks,
    needs=(fixed_priorities,),
    sustainable="C",
)
def priority_servers(model: ServedTasks) -> Result:
    """R = C + Σ_hp ceil(R/T) C + Σ_servers ceil((R + J)/P) Q, with J = P - Q of a deferrable server, 0 of others.

    Within a server of (Q, P) that is itself in time, a job of n = ceil(C/Q) budgets that finds it idle takes at most
    F = (n - 1) P + R_s(C - (n - 1) Q) from a refill on, R_s(x) being the response of x ns at its priority. Before that
    it waits P - 1 (polling), or max(P - Q, R_s(Q) - 1) (deferrable): b ns are left of the budget, so P - Q + b is left
    of the period at most; either they are used, and F is b shorter for them, or the period ends within R_s(Q). A
    sporadic server has its budget back at most P after a use of it began; at once, where T >= P and C <= Q. The bound
    counts where it is at most T: then each job finds the queue empty.

    >>> high, low = ServedTask(Sporadic("high", 1, 4, 4)), ServedTask(Sporadic("low", 2, 8, 8))
    >>> server = ServedTask(Sporadic("requests", 2, 30, 30), budget=1, period=5)
    >>> for kind in ("polling", "deferrable", "sporadic"):
    ...     print(kind, priority_servers(ServedTasks((high, server, low), kind)).responses)
    polling [1, 11, 4]
    deferrable [1, 11, 6]
    sporadic [1, 14, 4]
    """
    bounds = [
        _served(model, place) if each.budget else _unlimited(model, place) for place, each in enumerate(model.tasks)
    ]
    return from_bounds(bounds, exact=False)


@theorem(
    "bandwidth-servers",
    title="Constant-bandwidth servers by deadline, on one or several processors",
    strength="sufficient",
    citation="Abeni, Buttazzo, RTSS 1998, theorem 1 and lemma 1; reclaiming: Lipari, Baruah, ECRTS 2000; several "
    "processors: Baruah, Goossens, Lipari, RTAS 2002, after Funk, Goossens, Baruah, RTSS 2001",
    model=ServedTasks,
    needs=(by_deadlines, within),
    sustainable="C",
)
def bandwidth_servers(model: ServedTasks) -> Result:
    """Where Σ Q/P <= 1 every server keeps its deadlines: a job of n = ceil(C/Q) budgets is done within n P.

    It holds where the job before is done by then, n P <= T: the job then begins a server period of its own. A task
    without a budget has no bound: it runs when no server does. On m processors, shared by all, it takes Σ Q/P <= m -
    (m - 1) max Q/P. What a server asks for could be done in time on a processor of its own, of speed Q/P: a budget by
    the deadline that it is given with. EDF on m processors of speed 1 does whatever can be done in time on processors
    with speeds of that sum and that maximum (RTSS 2001), for any jobs at any releases, so for those of the
    run.

    >>> hard, soft = Sporadic("hard", 4, 7, 7), Sporadic("soft", 4, 20, 20)
    >>> model = ServedTasks((ServedTask(hard, 4, 7), ServedTask(soft, 3, 8)), "bandwidth")
    >>> bandwidth_servers(model).responses                                  # 4/7 + 3/8 <= 1; soft needs two budgets
    [7, 16]
    >>> three = tuple(ServedTask(Sporadic(name, 1, 2, 2), 1, 2) for name in "abc")
    >>> bandwidth_servers(ServedTasks(three, "bandwidth", m=2)).responses   # 3/2 <= 2 - 1/2
    [2, 2, 2]
    """
    bounds = []
    for each in model.tasks:
        task = each.task
        R = task.J + each.chunks * each.period if each.budget and each.bounded else None
        if R is None or R > task.T:
            bounds.append(Bound(task.name, None, task.D, converged=False))
        else:
            bounds.append(_bound(task, R, (), f"budget of {task.name}"))
    return from_bounds(bounds, exact=False)
