"""Joint choices: variants of several jobs that are released together, and of every layer of one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.adaptation import VariantAdaptation, variants_of
from rtsched.schedulers.stages import best_depths

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.schedulers.outlook import Outlook

#: (variant, time in ns, accuracy expected), the best first.
Option = tuple[int, int, float]

#: When more than this many ways through the layers are open, times are rounded up to this part of the budget.
STEPS = 4096


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
            found.append((variant.index, time, self.soc.expected_accuracy(job, accuracy)))
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


class ApNet(VariantAdaptation):
    """In the style of ApNet: how much to approximate each layer, for the least loss within the deadline.

    Bateni and Liu, "ApNet: approximation-aware real-time neural network", RTSS 2018; the paper was not read; our
    definition is: at the first start of a job choose for every layer (node) the variant (degree of approximation) so
    that the expected times sum to at most `share` of what is left until the deadline and the losses, each layer's share
    of its variant's, are least. Needs a chain whose variants allow ``switch: node``. Alone on its processors a job
    meets the deadline whenever its smallest variant would; layers shared between tasks are not batched here.
    """

    def __init__(self, share: float = 1.0) -> None:
        if not 0 < share <= 1:
            raise ValueError("share is a part of the deadline: above 0, at most 1")
        self.share = share

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        self.tasks = {task.index for task in soc.tasks if variants_of(task)}
        if not self.tasks:
            raise SchedulerError("adaptation 'apnet-style': no task has variants; give one some")
        for task in soc.tasks:
            quality = task.spec.quality
            if task.index in self.tasks and len(task.nodes) > 1 and quality is not None and not quality.switch:
                raise SchedulerError(
                    f"adaptation 'apnet-style': the variants of task {task.name!r} need 'switch: node'"
                )

    def on_start(self, segment: Segment, processor: Processor) -> None:
        job = segment.job
        if job.start >= 0 or job.task.index not in self.tasks:
            return
        outlook = self.estimator.outlook(job)
        at = {segment.node.index: processor.index}
        layers = self._layers(job, at)
        # what a whole variant takes beyond the sum of its layers: waiting, loads, copies, switches
        beyond = [
            self.time(job, variant.index, outlook, at) - sum(layer[variant.index][0] for layer in layers)
            for variant in variants_of(job.task)
        ]
        budget = int((job.deadline - self.soc.now) * self.share) - max(beyond)
        degrees = best_layers(layers, budget)
        if len(degrees) == 1 or not job.task.spec.quality.switch:  # type: ignore[union-attr]
            self.soc.reconfigure(job, degrees[0])
            return
        for node, degree in enumerate(degrees):
            self.soc.reconfigure(job, degree, [node])

    def _layers(self, job: Job, at: Mapping[int, int]) -> list[list[tuple[int, float]]]:
        """Per node the (time, loss) of each variant, where the node will run."""
        task = job.task
        quality = task.spec.quality
        assert quality is not None
        best = quality.accuracy or 0.0
        found = []
        for node in task.nodes:
            layer = []
            for variant in quality.variants:
                own = variant.nodes[node.index]
                place = at.get(node.index)
                time = self.estimator.time(own, self.estimator.usual(task, own) if place is None else place)
                layer.append((time, quality.shares[node.index] * (best - (variant.accuracy or 0.0))))
            found.append(layer)
        return found


def best_layers(layers: list[list[tuple[int, float]]], budget: int) -> list[int]:
    """The variant of each layer with the least sum of losses whose times sum to at most `budget`; else the quickest.

    Exact up to 4096 undominated ways; beyond, times are rounded up to budget / 4096, so that what is chosen still fits.

    >>> best_layers([[(10, 0.0), (4, 0.1)], [(10, 0.0), (7, 0.01)]], 17)
    [0, 1]
    """
    quickest = [min(range(len(options)), key=lambda number: (options[number][0], number)) for options in layers]
    states: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for options in layers:
        grown: dict[int, tuple[float, tuple[int, ...]]] = {}
        for spent in sorted(states):
            loss, chosen = states[spent]
            for number, (time, own) in enumerate(options):
                end = spent + time
                candidate = (loss + own, (*chosen, number))
                if end <= budget and (end not in grown or candidate < grown[end]):
                    grown[end] = candidate
        states = _improving(grown)
        if len(states) > STEPS:
            states = _coarse(states, budget)
    return list(min(states.values())[1]) if states else quickest


def _coarse(states: dict[int, tuple[float, tuple[int, ...]]], budget: int) -> dict[int, tuple[float, tuple[int, ...]]]:
    """At most `STEPS` states, each at a time that is not less than its own."""
    grain = -(-budget // STEPS)
    kept: dict[int, tuple[float, tuple[int, ...]]] = {}
    for end in sorted(states):
        kept[min(budget, -(-end // grain) * grain)] = states[end]  # later ones lose less
    return kept


def _improving(states: dict[int, tuple[float, tuple[int, ...]]]) -> dict[int, tuple[float, tuple[int, ...]]]:
    """Only those that lose less than every quicker one."""
    kept: dict[int, tuple[float, tuple[int, ...]]] = {}
    least = float("inf")
    for end in sorted(states):
        if states[end][0] < least:
            least = states[end][0]
            kept[end] = states[end]
    return kept
