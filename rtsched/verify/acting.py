"""Policies that do anything that a policy may do, at random: what the fuzzer sets against the engine's own rules.

Nothing is proven of them. They ask for each action of the handle, with any of its arguments, whenever they are told
something. What is refused, in words, has changed nothing; what is done breaks no rule of ``trace.check()``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

from rtsched import api
from rtsched.engine.job import READY
from rtsched.errors import InputError, SchedulerError
from rtsched.model.policy import Policy
from rtsched.schedulers.adaptations.base import Adaptation
from rtsched.schedulers.base import GUESTS, Preemption, Scheduler

#: How such policies are called in documents: one of rtsched, which sees the engine's own objects, and one of somebody
#: else, which sees views. As an adaptation the same name stands for one beside an ordering and a placement.
ACTING, STRANGER = "acting", "stranger"
#: So much is asked for in one run; then what is ready is started, so that every run ends.
MOST = 300
#: How often something is asked for inside an event, and how often what is ready is left waiting for a while.
INSIDE, IDLE = 0.15, 0.1
READS = frozenset({"batch", "split", "speedup", "reservable", "spawned", "values"})


class Hand:
    """Asks the handle for random things."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.left = MOST
        self.ended: list[Any] = []
        self.actions = BESIDE

    def grasp(self, soc: Any, actions: tuple[Callable[[Hand], None], ...]) -> None:
        """Act on this handle, by these actions."""
        self.soc, self.actions = soc, actions

    def act(self, most: int = 3) -> None:
        """Ask for some things; refusals are part of the game."""
        for _ in range(self.random.randint(0, most)):
            if self.left > 0:
                self.left -= 1
                with suppress(SchedulerError):
                    self.random.choice(self.actions)(self)

    def inside(self, actions: tuple[Callable[[Hand], None], ...] = ()) -> None:
        """An event: at times it is the moment to act (by these actions)."""
        if self.left > 0 and self.random.random() < INSIDE:
            every, self.actions = self.actions, actions or self.actions
            self.act(1)
            self.actions = every

    def one(self, things: Any) -> Any:
        """Any of some things. Raises SchedulerError where there is none: then there is nothing to ask for."""
        found = list(things)
        if not found:
            raise SchedulerError("there is none")
        return self.random.choice(found)

    def segment(self) -> Any:
        """A segment that waits or runs."""
        return self.one([*self.soc.ready, *self.soc.running()])

    def job(self) -> Any:
        """A job, most often one that is not over."""
        return self.one([*(each.job for each in (*self.soc.ready, *self.soc.running())), *self.ended[-1:]])

    def idle(self, segment: Any) -> list[Any]:
        """The idle processors that a segment may use."""
        places = [self.soc.processors[index] for index in segment.node.eligible]
        return [each for each in places if each.segment is None]

    def shares(self, count: int) -> list[Fraction]:
        """Random shares that make one, most often."""
        parts = [self.random.randint(1, 4) for _ in range(count)]
        return [Fraction(part, sum(parts)) for part in parts]


def start(hand: Hand) -> None:
    """A node, or a run of them."""
    segment = hand.one(hand.soc.ready)
    processor = hand.one(hand.idle(segment))
    if hand.random.random() < 0.5:
        hand.soc.start(segment.job, segment, processor, hand.random.choice([None, None, 0, 1]))
        return
    numbers = [segment.node.index]
    numbers += [each.index for each in segment.job.task.spec.nodes if numbers[-1] in each.predecessors][:2]
    hand.soc.start(segment.job, numbers, processor)


def start_batch(hand: Hand) -> None:
    """Several that go together."""
    alike = [each for each in hand.soc.ready if each.node.batch is not None]
    first = hand.one(alike)
    others = [each for each in alike if each is not first and each.node.batch.name == first.node.batch.name]
    hand.soc.start_batch([first, *others[: hand.random.randint(1, 2)]], hand.one(hand.idle(first)))


def split(hand: Hand) -> None:
    """One on several processors."""
    segment = hand.one(each for each in hand.soc.ready if each.node.split is not None)
    places = hand.idle(segment)
    hand.random.shuffle(places)
    places = places[: hand.random.randint(1, 3)]
    hand.soc.split(segment, dict(zip(places, hand.shares(len(places)), strict=True)))


def duplicate(hand: Hand) -> None:
    """A second copy of what runs."""
    segment = hand.one(hand.soc.running())
    hand.soc.duplicate(segment, hand.one(hand.idle(segment)))


def preempt(hand: Hand) -> None:
    """Whatever runs, in any way."""
    busy = [each for each in hand.soc.processors if each.segment is not None]
    ways = ("now", "now", "boundary", "boundary", "recall", "checkpoint", "checkpoint", "drain", "kill")
    hand.soc.preempt(hand.one(busy), hand.random.choice(ways))


def share(hand: Hand) -> None:
    """A part of a unit, a cap, both or neither."""
    hardware = hand.soc.system.hardware
    memory = None if hardware is None else hardware.platform.memory
    most = None if memory is None else memory.bandwidth
    part = hand.random.choice([None, 0.25, 0.5, 0.5, Fraction(1, 3), 1])
    cap = hand.random.choice([None, None, most and most // 2, most and most // 4])
    running = hand.one(hand.soc.running())
    hand.soc.share(running if hand.random.random() < 0.5 else running.processor, part, cap)


def limit(hand: Hand) -> None:
    """How many kernels may be in flight."""
    streams = [each for each in hand.soc.processors if each.block_level is not None]
    hand.soc.limit(hand.one(streams), hand.random.choice([None, 1, 1, 2, 3]))


def reserve(hand: Hand) -> None:
    """More of something, or less."""
    resource = hand.one(hand.soc.system.reservable)
    job, amount = hand.job(), hand.random.choice([1, 1, 2, 5, 900, -1])
    if amount > 0 or hand.soc.reserved(resource, job) > 0:
        hand.soc.reserve(resource, amount, job)


def reconfigure(hand: Hand) -> None:
    """Another variant for all of a job, or for some nodes."""
    job = hand.one(each.job for each in (*hand.soc.ready, *hand.soc.running()) if each.job.task.adaptive)
    numbers = [each.index for each in job.task.spec.nodes]
    some = None if hand.random.random() < 0.5 else hand.random.sample(numbers, hand.random.randint(1, len(numbers)))
    hand.soc.reconfigure(job, hand.random.choice([0, 1, 1]), some)


def finish(hand: Hand) -> None:
    """Accept an answer, at times."""
    job = hand.job()
    hand.soc.answer(job)
    if hand.random.random() < 0.3:
        hand.soc.finish(job)


def drop(hand: Hand) -> None:
    """Give a job up, at times."""
    if hand.random.random() < 0.2:
        hand.soc.drop(hand.job())


def spawn(hand: Hand) -> None:
    """A job of a task that waits for that."""
    tasks = [each for each in hand.soc.tasks if each.spec.arrival.kind == "spawned"]
    task = hand.one(tasks)
    hand.soc.spawn(task, hand.random.choice([None, None, task.spec.deadline * 2, max(1, task.spec.deadline // 2)]))


def load(hand: Hand) -> None:
    """Weights that come."""
    segment = hand.segment()
    hand.soc.load(segment.job.task, hand.one(hand.soc.processors))


def evict(hand: Hand) -> None:
    """Weights that go."""
    processor = hand.one(hand.soc.processors)
    there = hand.soc.resident(processor)
    hand.soc.evict(hand.one(there) if there else hand.one(hand.soc.tasks), processor)


def set_speed(hand: Hand) -> None:
    """Another clock."""
    processor = hand.one(hand.soc.processors)
    hand.soc.set_speed(processor, hand.random.randrange(len(hand.soc.frequencies(processor))))


def wake(hand: Hand) -> None:
    """A timer."""
    hand.soc.wake_at(hand.soc.now + hand.random.randint(1, max(2, hand.soc.tasks[0].spec.deadline)), "again")


def read(hand: Hand) -> None:
    """Look at all that is believed of a segment and a processor; nobody breaks anything by looking."""
    soc, segment = hand.soc, hand.segment()
    processor = hand.one(soc.processors)
    soc.remaining(segment)
    soc.expected(segment, processor)
    soc.expected_batch(segment, processor, 2)
    soc.expected_split(segment, dict(zip(soc.processors, hand.shares(len(soc.processors)), strict=True)))
    soc.expected_energy(segment, processor)
    soc.expected_wait(segment, processor)
    soc.expected_value(segment, "size")
    soc.expected_accuracy(segment.job, 0.5, 0)
    soc.answer(segment.job)
    soc.changeable(segment.job)
    soc.seen(segment)
    soc.preemptible(processor)
    soc.resident(processor)
    soc.available(processor)
    soc.frequency(processor)
    soc.expected_checkpoint(segment, processor)
    soc.expected_share(segment, processor, 0.5)


#: What a part may ask for beside those who start segments, and what a whole policy may.
BESIDE: tuple[Callable[[Hand], None], ...] = (
    share, limit, reserve, reconfigure, finish, drop, spawn, load, evict, set_speed, wake, read, duplicate
)  # fmt: skip
EVERYTHING = (*BESIDE, start, start_batch, start_batch, split, split, preempt, preempt, share)


class Ears:
    """Acts at every event, at times."""

    hand: Hand

    def on_release(self, job: Any) -> None:
        """A job came."""
        self.hand.inside()

    def on_ready(self, job: Any, segments: Any) -> None:
        """Segments can start."""
        self.hand.inside()

    def on_start(self, segment: Any, processor: Any) -> None:
        """A node of a task with variants is about to start: nothing else is started now."""
        self.hand.inside((reconfigure, finish, drop, spawn, read))

    def on_completion(self, segment: Any, observation: dict[str, Any]) -> None:
        """A segment is done."""
        self.hand.inside()

    def on_job_end(self, job: Any) -> None:
        """A job is over."""
        self.hand.ended.append(job)
        self.hand.inside()

    def on_processor(self, processor: Any, change: str) -> None:
        """A processor changed."""
        self.hand.inside()

    def on_deadline(self, job: Any) -> None:
        """A deadline passes."""
        self.hand.inside()

    def on_timer(self, tag: Any) -> None:
        """It is time."""
        self.hand.inside()

    def on_environment(self, change: dict[str, Any]) -> None:
        """The world changed."""
        self.hand.inside()


class Acting(Ears, Scheduler):
    """Does anything at random; then what is ready is started, first come, first served."""

    reads = READS
    takes = frozenset(GUESTS)

    def __init__(self, seed: int = 0, preemption: Preemption = "preemptive") -> None:
        self.seed, self.preemption = seed, preemption

    def setup(self, soc: Any) -> None:
        """Begin anew."""
        self.hand = Hand(self.seed)
        self.hand.grasp(soc, EVERYTHING)
        self.acted = -1

    def dispatch(self) -> None:
        """Act once in an instant; then start what waits, or let it wait a little."""
        hand, soc = self.hand, self.soc
        if self.acted < soc.now:
            self.acted = soc.now
            hand.act()
            if hand.left > 0 and hand.random.random() < IDLE:
                soc.wake_at(soc.now + hand.random.randint(1, max(2, soc.tasks[0].spec.deadline // 4)))
                return
        for segment in list(soc.ready):
            for processor in hand.idle(segment):
                if segment.state == READY and processor.segment is None:
                    with suppress(SchedulerError):
                        soc.start(segment.job, segment, processor)


class ActingPart(Ears, Adaptation):
    """Does anything at random that starts nothing, beside an ordering and a placement."""

    reads = READS - {"batch", "split", "speedup"}

    def __init__(self, seed: int = 0) -> None:
        self.hand = Hand(seed)

    def setup(self, soc: Any) -> None:
        """Take the handle."""
        super().setup(soc)
        self.hand.grasp(soc, BESIDE)

    def settle(self) -> None:
        """Act before others decide."""
        self.hand.act()


class Stranger(Acting):
    """The same, as somebody else's policy: all that it sees are views."""

    __module__ = "stranger"


class StrangerPart(ActingPart):
    """The same, as a part of somebody else's."""

    __module__ = "stranger"


WHOLES: dict[str, type[Acting]] = {ACTING: Acting, STRANGER: Stranger}
PARTS: dict[str, type[ActingPart]] = {ACTING: ActingPart, STRANGER: StrangerPart}


def scheduler_of(description: Mapping[str, Any]) -> Scheduler:
    """The scheduler of a document; one that acts at random, or has such a part, is known here alone.

    Raises InputError.
    """
    own = dict(description)
    part = own.get("adaptation")
    acts = PARTS.get(part["name"]) if isinstance(part, dict) and isinstance(part.get("name"), str) else None
    if acts is not None:
        own.pop("adaptation")
    made = _whole(own)
    if acts is not None:
        made.take("adaptation", acts(_seed(part)))
    return made


def _whole(own: dict[str, Any]) -> Scheduler:
    acts = WHOLES.get(str(own.get("name")))
    if acts is None:
        return api.scheduler(own, code=False)
    guests = {kind: own.pop(kind) for kind in GUESTS if kind in own}
    made = acts(_seed(own), own.get("preemption", "preemptive"))
    for kind, each in api.scheduler({"name": "cbs", **guests}, code=False).guests.items():
        made.take(kind, each)
    return made


def _seed(description: Mapping[str, Any] | None) -> int:
    seed = (description or {}).get("seed", 0)
    if not isinstance(seed, int):
        raise InputError(f"the seed of a policy that acts must be a whole number (found {seed!r})")
    return seed


def policy_of(description: Mapping[str, Any]) -> Policy:
    """What that scheduler declares of itself to proofs."""
    made = scheduler_of(description)
    own = made.parts() and any(isinstance(each, ActingPart) for each in made.parts())
    return made.policy({}) if own or isinstance(made, Acting) else api.policy(description, code=False)
