"""Variants of several jobs that are released together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.schedulers.adaptations.base import VariantAdaptation
from rtsched.schedulers.adaptations.stages import best_depths
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job
    from rtsched.schedulers.outlook import Outlook


#: (variant, time in ns, accuracy expected), the best first.
Option = tuple[int, int, float]


class RTScale(VariantAdaptation):
    """In the style of RTScale: the scales of all images released together, for the most expected accuracy in time.

    Heo, Jeong and Kim, "Sensitivity-aware adaptive image scaling for real-time object detection", ECRTS 2022; the paper
    was not read; our definition is: all jobs released at one instant (one per camera) start at their largest scale;
    while the jobs, in the order of their deadlines and behind what is ahead of them, do not all end in time, the one
    step down is taken that loses the least accuracy per time saved (`method: greedy`), or the best combination is
    searched (`method: exact`). What an image loses is expected from its own sensitivity where the task has a
    `predictor`, else the average. For one processor that serves in EDF order. Within the group the deadlines hold as
    expectations do; it fails when groups overlap.
    """

    claims = GREEDY - {"symmetric"}

    def __init__(self, method: str = "greedy") -> None:
        if method not in ("greedy", "exact"):
            raise ValueError(f"method {method!r} is neither greedy nor exact")
        self.method = method
        self.fresh: list[Job] = []

    def on_release(self, job: Job) -> None:
        if variants_of(job.task):
            self.fresh.append(job)

    def settle(self) -> None:
        jobs = [job for job in self.fresh if job.outcome < 0 and job.start < 0 and self.soc.changeable(job)]
        self.fresh = []
        if not jobs:
            return
        jobs.sort(key=lambda job: (job.deadline, job.number))
        outlook = self.estimator.ahead(jobs[-1], besides=jobs)
        ahead = self._wait(jobs, outlook)
        outlook.free.clear()
        plan = [(job.deadline - self.soc.now - ahead, self._options(job, outlook)) for job in jobs]
        chosen = greedy(plan) if self.method == "greedy" else exact(plan)
        for job, number in zip(jobs, chosen, strict=True):
            self.soc.reconfigure(job, number)

    def _options(self, job: Job, outlook: Outlook) -> list[Option]:
        variants = variants_of(job.task)
        found = []
        for variant in variants:
            accuracy = 1 - variant.index / len(variants) if variant.accuracy is None else variant.accuracy
            time = self.time(job, variant.index, outlook)
            found.append((variant.index, time, self.soc.expected_accuracy(job, accuracy, variant.index)))
        return found

    def _wait(self, group: list[Job], outlook: Outlook) -> int:
        """The time in ns until the processors that the group uses are free of all that is ahead of it."""
        places = {self.estimator.places(job.task, node) for job in group for node in job.task.nodes}
        return max(min(outlook.free_at(place) for place in each) for each in places)


def greedy(plan: list[tuple[int, list[Option]]]) -> list[int]:
    """Steps down by least accuracy lost per time saved, until all jobs end in time or none can go further down.

    `plan` holds per job, in the order of deadlines, the time left and its options, the best first. The choice is among
    the jobs up to the first that would be late.

    >>> greedy([(20, [(0, 10, 0.9), (1, 5, 0.8)]), (20, [(0, 12, 0.9), (1, 6, 0.6)])])
    [1, 0]
    """
    places = [0] * len(plan)
    while True:
        late = _first_late(plan, places)
        if late is None:
            break
        steps = []
        for job in range(late + 1):
            options = plan[job][1]
            for place in range(places[job] + 1, len(options)):
                saved = options[places[job]][1] - options[place][1]
                if saved > 0:
                    steps.append(((options[places[job]][2] - options[place][2]) / saved, job, place))
                    break
        if not steps:
            break
        _, job, place = min(steps)
        places[job] = place
    return [options[place][0] for (_, options), place in zip(plan, places, strict=True)]


def _first_late(plan: list[tuple[int, list[Option]]], places: list[int]) -> int | None:
    end = 0
    for job, ((left, options), place) in enumerate(zip(plan, places, strict=True)):
        end += options[place][1]
        if end > left:
            return job
    return None


def exact(plan: list[tuple[int, list[Option]]]) -> list[int]:
    """The combination of options with the most accuracy whose times fit; a job that cannot fit runs its quickest."""
    return best_depths([(left, sorted(options, key=lambda option: option[1:])) for left, options in plan]).depths
