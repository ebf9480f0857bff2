"""A variant for every layer of one job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rtsched.errors import SchedulerError
from rtsched.schedulers.adaptations.base import VariantAdaptation
from rtsched.schedulers.claims import GREEDY
from rtsched.schedulers.quality import variants_of

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc


#: When more than this many ways through the layers are open, times are rounded up to this part of the budget.
STEPS = 4096


class ApNet(VariantAdaptation):
    """In the style of ApNet: how much to approximate each layer, for the least loss within the deadline.

    Bateni and Liu, "ApNet: approximation-aware real-time neural network", RTSS 2018; the paper was not read; our
    definition is: at the first start of a job choose for every layer (node) the variant (degree of approximation) so
    that the expected times sum to at most `share` of what is left until the deadline and the losses, each layer's share
    of its variant's, are least. Needs a chain whose variants allow ``switch: node``. Alone on its processors a job
    meets the deadline whenever its smallest variant would. `apnet-sharing-style` shares layers between tasks, too.
    """

    claims = GREEDY - {"symmetric"}

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
