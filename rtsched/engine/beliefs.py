"""What policies believe of execution times: the planned ones, or estimates that err as the system's `estimates` say.

The one source for everything that a policy reads of times: ``soc.expected``, ``soc.expected_energy``,
``soc.remaining``, the `Estimator`, orderings and placements. What a node really takes is the engine's own, and never
comes from here. Three things rest on planned times whatever is believed, since proofs rest on them: where packing puts
nodes, which of several free processors is the fastest (R9), and which jobs are hopeless.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Collection
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from rtsched.model.system import Estimates
from rtsched.units import LONGEST

if TYPE_CHECKING:
    from rtsched.engine.core import Core
    from rtsched.engine.job import Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.streams import World
    from rtsched.model.taskgraph import NodeSpec, SystemSpec

Listener = Callable[["Segment", dict[str, Any]], None]

#: Which keys of `estimates` matter to who asks for expected times at any time, before time starts only, or never.
ALWAYS = frozenset(Estimates.model_fields)
AT_SETUP = frozenset({"bias", "noise"})
NEVER = frozenset[str]()
#: Where a system says nothing of them.
NEUTRAL = Estimates()


def believes(part: Any) -> frozenset[str]:
    """The keys of `estimates` that matter to a policy, or a part of one.

    A stranger's may ask for anything, unless its own class says `believes`.
    """
    kind = type(part)
    told = kind.__module__.startswith("rtsched.") or "believes" in vars(kind)
    found: frozenset[str] = part.believes if told else ALWAYS
    return found


class Beliefs:
    """What policies believe of execution times, alone and at the highest clock: here what is planned.

    `version` is another number whenever some belief may be another; `errs` says whether any may differ from the plan.
    """

    version = 0
    errs = False

    def __init__(self) -> None:
        self._least: dict[tuple[int | None, ...], int] = {}

    def time(self, node: NodeSpec, place: int) -> int | None:
        """The time in ns that a whole node is believed to need on processor `place`; None if it cannot run there."""
        return node.times[place]

    def fastest(self, node: NodeSpec) -> int:
        """The shortest of its believed times, in ns."""
        times = node.times
        found = self._least.get(times)
        if found is None:
            found = self._least[times] = node.fastest
        return found

    def hearing(self, told: Listener | None) -> Listener | None:
        """The listener to completions, so that beliefs hear of them before the policy does."""
        return told


class ErringBeliefs(Beliefs):
    """Estimates: a planned time, off by the declared bias and noise, then an average of what was measured.

    The noise of a time is drawn from the seed and the names of task, variant, node and processor alone, so that every
    policy has the same. Instances of a task share their beliefs. Copies that are sent for at run time have none: bytes
    over bandwidth are known.

    Measured is a node that ran in one go, from its first start to its end: its time on the processor without costs of
    switching, loading and waiting for copies. One that was ever taken off, or met a boundary of regions, teaches
    nothing; neither do the inner nodes of a run of several, of which nobody is told. What slowed a node down (memory,
    neighbours, a fault) counts, as it does in a profile; clock and bandwidth at its end are allowed for.
    """

    errs = True

    def __init__(self, about: Estimates, core: Core, reads: Collection[str]) -> None:
        super().__init__()
        self._core = core
        self._about = about
        #: the weight of a new measurement: none for a policy that does not go by it
        self._weight = Fraction(str(about.learning)) if "learning" in reads else Fraction(0)
        self._names = _named(core.system)
        self._known: dict[tuple[int, int], int] = {}
        #: measurements that do not count yet: (instant from which on they do, node, processor, time)
        self._coming: deque[tuple[int, NodeSpec, int, int]] = deque()
        self._learnt = 0

    @property
    def version(self) -> int:  # type: ignore[override]
        """How many measurements count by now."""
        self._take_in()
        return self._learnt

    def time(self, node: NodeSpec, place: int) -> int | None:
        self._take_in()
        return self._time(node, place)

    def fastest(self, node: NodeSpec) -> int:
        self._take_in()
        return min(time for place in node.eligible if (time := self._time(node, place)) is not None)

    def hearing(self, told: Listener | None) -> Listener | None:
        if not self._weight:
            return told

        def hear(segment: Segment, observation: dict[str, Any]) -> None:
            if "batch" not in observation and "split" not in observation:
                self._measure(segment, observation["time"])
            if told is not None:
                told(segment, observation)

        return hear

    def _time(self, node: NodeSpec, place: int) -> int | None:
        planned = node.times[place]
        if planned is None or id(node) not in self._names:
            return planned
        believed = self._known.get((id(node), place))
        if believed is None:
            believed = self._known[id(node), place] = self._first(node, place, planned)
        return believed

    def _first(self, node: NodeSpec, place: int, planned: int) -> int:
        """What is believed before anything was measured."""
        names = (*self._names[id(node)], self._core.system.processors[place].name)
        bias = self._about.bias
        factor = 1 + Fraction(str(bias.get(names[0], 0) if isinstance(bias, dict) else bias))
        if self._about.noise:
            factor *= Fraction(math.exp(self._about.noise * _standard_normal(self._core.world, names)))
        return min(LONGEST, max(1, round(planned * factor)))

    def _measure(self, segment: Segment, time: int) -> None:
        processor = segment.processor
        if segment.stopped >= 0 or processor is None or id(segment.node) not in self._names:
            return
        now = self._core.loop._now
        taken = _alone(processor, now - time, now)
        planned, chip = segment.node.times[processor.index], self._core.chip
        if chip is not None and planned is not None:
            here = chip.time_now(segment.node, processor.index, planned)
            if here >= LONGEST:
                return  # its link has just gone down
            taken = -(-taken * planned // here)
        self._coming.append((now + self._about.staleness, segment.node, processor.index, max(1, taken)))

    def _take_in(self) -> None:
        """Let the measurements count whose time has come."""
        while self._coming and self._coming[0][0] <= self._core.loop._now:
            _, node, place, taken = self._coming.popleft()
            before = self._time(node, place)
            assert before is not None
            self._known[id(node), place] = max(1, round(self._weight * taken + (1 - self._weight) * before))
            self._learnt += 1


def beliefs_of(core: Core, reads: Collection[str]) -> Beliefs:
    """The beliefs that the system declares, for a policy that `reads` these keys of `estimates`."""
    about = core.system.estimates
    return Beliefs() if about == NEUTRAL else ErringBeliefs(about, core, reads)


def _named(system: SystemSpec) -> dict[int, tuple[str, ...]]:
    """The names of every node, in every variant of its task, by its identity: (task, variant, node)."""
    names: dict[int, tuple[str, ...]] = {}
    for task in system.tasks:
        name = task.name.removesuffix("[0]")  # the first instance stands for all, which share their nodes
        variants = () if task.quality is None else task.quality.variants
        for node in () if variants else task.nodes:
            names.setdefault(id(node), (name, "", node.name))
        for variant in variants:
            for node in variant.nodes:
                names.setdefault(id(node), (name, variant.name, node.name))
    return names


def _standard_normal(world: World, names: tuple[str, ...]) -> float:
    """A draw that rests on the seed and the names alone."""
    world.drawn = True
    text = "\0".join((str(world.seed), "estimate", *names))
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    return NormalDist().inv_cdf((share + 0.5) / 2**48)


def _alone(processor: Processor, started: int, now: int) -> int:
    """What a processor gave since `started`: no costs before the first progress, no blackouts."""
    supply = processor.supply
    return (now - started if supply is None else supply.before(now) - supply.before(started)) - processor.overhead
