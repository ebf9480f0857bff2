"""What nobody can exceed in a window: the door, and its answer as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtsched import api
from rtsched.display import Displayed
from rtsched.errors import InputError, SoundnessError
from rtsched.model.platform import Platform
from rtsched.model.taskgraph import SystemSpec
from rtsched.optimum.draws import draw
from rtsched.optimum.lower import lower
from rtsched.optimum.schedule import as_trace
from rtsched.optimum.solver import Solution, solve
from rtsched.optimum.window import TimeWindow
from rtsched.trace.trace import Trace
from rtsched.visible import cut

#: About so many seconds of work, in the solver's own time: the same on every machine.
EFFORT = 20.0

#: Sums of floating-point weights may be off by this part.
ROUNDING = 1e-9

#: A window with more nodes than this is refused: the solver would not end with anything to show.
MOST_NODES = 2000


@dataclass(frozen=True)
class Unmet:
    """A job that is not answered rightly and in time, and why nobody can ("" where others are worth more)."""

    job: str
    why: str


@dataclass(frozen=True)
class Optimum(Displayed):
    """The most weighted accuracy in time that anybody can reach in one window, whatever is known beforehand.

    `worth` is that of the best schedule found, `bound` what is proven that no policy exceeds, both sums of the weights
    of jobs whose answer is right and in time, out of `most` for all. `relaxed` says what the bound leaves out, which
    only slows or forbids: then it is an upper bound. `energy` (nJ, beyond idling) is the least with that worth, where
    powers are plain and it was proven. `stopped` says that this machine's time was up before the effort was:
    another machine may then find another answer, though each bound is proven. `trace` is the schedule, as a run.
    """

    system: str
    seed: int
    until: int
    jobs: int
    nodes: int
    most: float
    worth: float
    bound: float
    exact: bool
    relaxed: tuple[str, ...]
    energy: int | None
    effort: float
    unmet: tuple[Unmet, ...]
    trace: Trace = field(repr=False, compare=False)
    stopped: bool = False

    def __repr__(self) -> str:
        reached = f"{self.worth:.6g} reached, at most {self.bound:.6g} of {self.most:.6g}"
        return f"<Optimum of {cut(self.system)!r}, seed {self.seed}, {self.jobs} jobs: {reached}>"

    @property
    def gap(self) -> float:
        """How much of the bound no schedule was found for, as a share of it."""
        return (self.bound - self.worth) / self.bound if self.bound else 0.0

    @property
    def proven(self) -> bool:
        """Whether the schedule found is the best there is: nothing is left out, and nothing is better."""
        return self.gap == 0 and not self.relaxed

    def regret(self, reached: float) -> float:
        """What is missing to the bound, as a share of it, of a policy that has reached so much (metric `worth`).

        Raises SoundnessError where it has reached more.
        """
        if reached > self.bound + ROUNDING * max(1.0, self.bound):
            raise SoundnessError(
                f"{self.system!r}, seed {self.seed}: a policy has reached {reached:g}, and it was proven that none "
                f"exceeds {self.bound:g}: this is a bug, please report it"
            )
        return max(0.0, self.bound - reached) / self.bound if self.bound else 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the schedule included; times in ns."""
        own = (
            "system",
            "seed",
            "until",
            "jobs",
            "nodes",
            "most",
            "worth",
            "bound",
            "gap",
            "proven",
            "energy",
            "effort",
        )
        found: dict[str, Any] = {"format": 1} | {name: getattr(self, name) for name in own}
        if self.stopped:
            found["stopped"] = True
        found["relaxed"] = list(self.relaxed)
        found["unmet"] = [{"job": each.job, "why": each.why} for each in self.unmet]
        found["schedule"] = list(self._schedule())
        return found

    def _schedule(self) -> list[dict[str, Any]]:
        system = self.trace.system
        rows = []
        for start, end, job, node, processor, _ in self.trace.slices.tolist():
            task = system.tasks[int(self.trace.jobs["task"][job])]
            rows.append(
                {
                    "job": f"{task.name}[{int(self.trace.jobs['index'][job])}]",
                    "node": task.nodes[node].name,
                    "processor": system.processors[processor].name,
                    "start": start,
                    "end": end,
                }
            )
        return rows


def optimum(
    source: api.Source,
    *,
    until: int | str | None = None,
    seed: int | None = None,
    platform: str | Mapping[str, Any] | Platform | None = None,
    overrides: Sequence[str] = (),
    effort: float = EFFORT,
    limit: float | None = None,
) -> Optimum:
    """The most weighted accuracy in time that anybody can reach in the window [0, `until`) of a system.

    Who decides knows all that the `seed` brings: arrivals, execution times, how hard each input is. `effort` is about
    how many seconds the solver may take, counted in its own work, so that the answer is the same on every machine. With
    a `limit` the solver stops after so many seconds of this machine's time, too, and the answer is what it has by then.
    Raises InputError for what has no known bound, a window that is too large, and where OR-tools is not installed.
    """
    loaded = api.load(source, platform=platform, overrides=overrides)
    number = loaded.system.simulate.seed if seed is None else api.checked_seed(seed)
    prepared = api.prepare(loaded, until)
    return of_window(prepared.spec, prepared.until, number, prepared.options.warm_up, effort, limit)


def of_window(
    spec: SystemSpec, until: int, seed: int, warm_up: int = 0, effort: float = EFFORT, limit: float | None = None
) -> Optimum:
    """The same for a system that is lowered already; jobs that are released during the warm-up are worth nothing."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0):
        raise InputError(f"limit: seconds that the solver may take, above 0 (found {limit!r}); e.g. 60")
    drawn, bare = draw(spec, until, seed)
    _bearable(sum(map(len, drawn.values())), "jobs")
    window = lower(spec, drawn, until, warm_up)
    _bearable(window.steps, "nodes")
    answer = solve(window, effort, limit)
    return Optimum(
        system=spec.name,
        seed=seed,
        until=until,
        jobs=len(window.jobs),
        nodes=window.steps,
        most=float(sum(job.weight for job in window.jobs)),
        worth=float(answer.worth),
        bound=float(answer.bound),
        exact=answer.exact,
        relaxed=window.relaxed,
        energy=answer.energy,
        effort=round(answer.effort, 3),
        unmet=tuple(_unmet(window, answer)),
        trace=as_trace(window, answer, bare),
        stopped=answer.stopped,
    )


def _bearable(count: int, what: str) -> None:
    if count > MOST_NODES:
        raise InputError(
            f"the window has {count} {what}, and the optimum is for some hundred (at most {MOST_NODES}); "
            "take a shorter one, e.g. --until '100 ms'"
        )


def _unmet(window: TimeWindow, answer: Solution) -> list[Unmet]:
    counted = [(place, job) for place, job in enumerate(window.jobs) if job.weight and place not in answer.timely]
    return [Unmet(job.name, job.why) for _, job in counted]
