"""The GPU served block by block: hand-made vectors, an independent oracle, rules as properties, and one mutant a rule."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rtsched.engine.gpu.blocks import BOUNDLESS, Context, Multiprocessors, Operation, Stream
from rtsched.engine.gpu.fluid import FluidGpu
from rtsched.engine.gpu.gpu import Gpu
from rtsched.units import MS, parse_duration
from tests import gpu_oracle
from tests.compiled import interpreted
from tests.corpus.gpu import expected, load, replay

VECTORS = {path.stem: load(path) for path in sorted((Path(__file__).parents[2] / "data" / "gpu").glob("*.yaml"))}


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    assert replay(VECTORS[name]) == expected(VECTORS[name])


def spans(rows: list[tuple[str, int, int, int]]) -> dict[str, tuple[int, int]]:
    """First start and last end of every operation."""
    found: dict[str, tuple[int, int]] = {}
    for name, start, end, _ in rows:
        first, last = found.get(name, (start, end))
        found[name] = (min(first, start), max(last, end))
    return found


def random_vectors(count: int, seed: int, features: set[str] | None = None) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [gpu_oracle.random_vector(draw, features) for _ in range(count)]


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_equal_the_tick_oracle(seed: int) -> None:
    for vector in random_vectors(40, seed):
        assert replay(vector) == sorted(gpu_oracle.simulate(vector)), vector


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_random_programs_equal_the_tick_oracle(seed: int) -> None:
    for vector in random_vectors(250, seed):
        assert replay(vector) == sorted(gpu_oracle.simulate(vector)), vector


# ---- fluid mode --------------------------------------------------------------------------------------------------------


def alone(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """One vector per kernel of a vector, alone on the GPU."""
    return [{**vector, "operations": [operation]} for operation in vector["operations"] if "copy" not in operation]


@pytest.mark.parametrize("seed", range(5))
def test_fluid_equals_exact_for_a_kernel_alone(seed: int) -> None:
    for vector in random_vectors(40, seed):
        for single in alone(vector):
            assert spans(replay(single, FluidGpu)) == spans(replay(single))


@pytest.mark.parametrize("seed", range(5))
def test_fluid_does_the_same_work_and_keeps_streams_in_order(seed: int) -> None:
    for vector in random_vectors(40, seed):
        exact, fluid = spans(replay(vector)), spans(replay(vector, FluidGpu))
        assert set(exact) == set(fluid)
        streams = defaultdict(list)
        for item in vector["operations"]:
            streams[item.get("context"), item["stream"]].append(item["name"])
        for names in streams.values():
            for before, after in pairwise(names):
                assert fluid[before][1] <= fluid[after][0]


@pytest.mark.parametrize("seed", range(5))
def test_fluid_ends_within_two_blocks_of_exact(seed: int) -> None:
    for vector in random_vectors(40, 200 + seed):
        longest = max(parse_duration(item["time"]) for item in vector["operations"])
        ends = [max(end for _, end in spans(replay(vector, gpu)).values()) for gpu in (Gpu, FluidGpu)]
        assert abs(ends[0] - ends[1]) <= 2 * longest


def test_fluid_equals_exact_while_slots_do_not_change_inside_a_wave() -> None:
    equal = 0
    for name in VECTORS:
        if name.startswith("rtss17"):
            assert spans(replay(VECTORS[name], FluidGpu)) == spans(replay(VECTORS[name]))
            equal += 1
    assert equal == 4


# ---- rules as properties -----------------------------------------------------------------------------------------------


class Watched(Gpu):
    """Checks at every assignment what must hold, whatever the program."""

    def _start_wave(self, operation: Operation, places: list[tuple[int, int]], now: int, length: int) -> None:
        context = operation.stream.context
        view = context.multiprocessors
        for free in (view.threads, view.shared, view.registers, view.slots):
            assert min(free) >= 0, "limits of a multiprocessor"
        assert operation.stream.operations[0] is operation, "streams in order"
        if places:
            queue = context.queues[operation.level]
            assert queue[0] is operation, "only the head of its queue"
            assert not any(context.queues[: operation.level]), "a higher priority was passed over"
            assert operation.left >= 0
        super()._start_wave(operation, places, now, length)


class WatchedFluid(Watched, FluidGpu):
    """The same in fluid mode."""


@interpreted
@pytest.mark.parametrize("gpu", [Watched, WatchedFluid])
@pytest.mark.parametrize("seed", range(4))
def test_rules_hold_at_every_assignment(seed: int, gpu: type[Gpu]) -> None:
    for vector in random_vectors(40, 50 + seed):
        done: dict[str, int] = defaultdict(int)
        for name, _, _, blocks in replay(vector, gpu):
            done[name] += blocks
        for item in vector["operations"]:
            if gpu is Watched:
                assert done[item["name"]] == item.get("blocks", 0), "blocks are conserved"
            else:
                assert item["name"] in done


# ---- mutants -----------------------------------------------------------------------------------------------------------


class X1(Gpu):
    """Blocks behind the head may overtake it."""

    def _assign(self, context: Context, now: int) -> bool:
        moved = super()._assign(context, now)
        for queue in context.queues:
            for operation in list(queue)[1:]:
                before = operation.running
                self._place(operation, now)
                moved |= operation.running != before
        return moved


class NoLimit(Gpu):
    """One of the limits of a multiprocessor is forgotten."""

    limit = ""

    def context(self, name: Any = None) -> Context:
        found = super().context(name)
        setattr(found.multiprocessors, self.limit, [BOUNDLESS] * self.spec.sms)
        return found


class R1(NoLimit):
    limit = "threads"


class R2(NoLimit):
    limit = "shared"


class R3(NoLimit):
    limit = "registers"


class Slots(NoLimit):
    limit = "slots"


class G3(Gpu):
    """The head leaves its queue only when it is complete."""

    def _dispatched(self, operation: Operation) -> bool:
        return not operation.running and not operation.left


class G4(Gpu):
    """A kernel makes room for the next of its stream when it is dispatched."""

    def _may_enter(self, stream: Stream, operation: Operation) -> bool:
        return super()._may_enter(stream, operation)

    def _place(self, operation: Operation, now: int) -> None:
        super()._place(operation, now)
        stream = operation.stream
        if not operation.left and len(stream.operations) > 1 and stream.operations[0] is operation:
            stream.operations.rotate(-1)
            self.heads[stream] = None

    def _complete(self, operation: Operation, now: int) -> None:
        stream = operation.stream
        stream.operations.remove(operation)
        if operation.done is not None:
            operation.done(now)


class A1(Gpu):
    """Priorities are ignored."""

    def launch(self, stream: Stream, operation: Operation, priority: int = 0) -> None:
        super().launch(stream, operation, 0)


class A1Reversed(Gpu):
    """A smaller number is less urgent."""

    def launch(self, stream: Stream, operation: Operation, priority: int = 0) -> None:
        super().launch(stream, operation, -priority - (self.spec.priorities - 1))


class A2(Gpu):
    """A lower queue is served although a higher head still waits."""

    def _assign(self, context: Context, now: int) -> bool:
        moved = super()._assign(context, now)
        for queue in context.queues:
            if queue:
                before = queue[0].running
                self._place(queue[0], now)
                moved |= queue[0].running != before
        return moved


class N1(Gpu):
    """The NULL stream waits for nobody."""

    def _may_enter(self, stream: Stream, operation: Operation) -> bool:
        return stream is stream.context.null or super()._may_enter(stream, operation)


class N2(Gpu):
    """Nobody waits for the NULL stream."""

    def _may_enter(self, stream: Stream, operation: Operation) -> bool:
        if stream is stream.context.null:
            return super()._may_enter(stream, operation)
        return operation.copy or stream.channel


class Blocking(Gpu):
    """Streams that are declared non-blocking wait all the same."""

    def stream(self, name: Any, context: Any = None, **options: Any) -> Stream:
        return super().stream(name, context, **{**options, "nonblocking": False})


class C1(Gpu):
    """Copies of a stream do not wait for its kernels."""

    def launch(self, stream: Stream, operation: Operation, priority: int = 0) -> None:
        if operation.copy:
            stream = self.stream(("own", operation.name), stream.context.name)
        super().launch(stream, operation, priority)


class C2(Gpu):
    """Copies share the engine instead of taking turns."""

    def _assign_copies(self, now: int) -> bool:
        moved = False
        for engine, queue in enumerate(self.engines):
            while queue:
                operation = queue.popleft()
                self.copying[engine] = operation
                operation.since = now
                self._start_wave(operation, [], now, operation.time)
                moved = True
        return moved


class C3(Gpu):
    """The last to come is copied first."""

    def _assign_copies(self, now: int) -> bool:
        for queue in self.engines:
            queue.reverse()
        moved = super()._assign_copies(now)
        for queue in self.engines:
            queue.reverse()
        return moved


class Channels(Gpu):
    """Streams need no channel."""

    def context(self, name: Any = None) -> Context:
        fresh = name not in self.contexts
        found = super().context(name)
        if fresh:
            found.channels = BOUNDLESS
        return found


class Corollary1(Gpu):
    """A channel is free as soon as one kernel of its stream is dispatched."""

    def _free_channel(self, stream: Stream) -> None:
        kept, stream.undispatched = stream.undispatched, 0
        super()._free_channel(stream)
        stream.undispatched = kept
        if kept and not stream.channel and not stream.waiting:
            stream.waiting = True
            stream.context.waiting.append(stream)


class Corollary2(Gpu):
    """Streams get channels in order of arrival, whatever is asked for."""

    def _free_channel(self, stream: Stream) -> None:
        stream.context.waiting.reverse()
        super()._free_channel(stream)
        stream.context.waiting.reverse()


class R4(Gpu):
    """Contexts run side by side."""

    def _take_turns(self, now: int) -> None:
        self.sliced = False


class CopySlices(Gpu):
    """Copies of different contexts are served as they come."""

    def _assign_copies(self, now: int) -> bool:
        kept, self.sliced = self.sliced, False
        moved = super()._assign_copies(now)
        self.sliced = kept
        return moved


class Freeze(Gpu):
    """What runs goes on while another context has its slice."""

    def _pace(self, operation: Operation, speed: int, now: int) -> None:
        if speed:
            super()._pace(operation, speed, now)


class SwitchCost(Gpu):
    """A context switch is free."""

    def __init__(self, spec: Any, *arguments: Any) -> None:
        super().__init__(spec.model_copy(update={"context_switch": 0}), *arguments)


class Masks(Gpu):
    """All multiprocessors are everybody's."""

    def stream(self, name: Any, context: Any = None, **options: Any) -> Stream:
        return super().stream(name, context, **{**options, "mask": 0})


class Shares(Gpu):
    """MPS percentages are ignored."""

    def context(self, name: Any = None) -> Context:
        found = super().context(name)
        found.cap = self.spec.sms
        return found


class Placement(Gpu):
    """Blocks always go to the lowest multiprocessor."""

    def context(self, name: Any = None) -> Context:
        found = super().context(name)
        found.multiprocessors.pack = not found.multiprocessors.pack
        return found


MUTANTS = [
    X1, R1, R2, R3, Slots, G3, G4, A1, A1Reversed, A2, N1, N2, Blocking, C1, C2, C3, Channels, Corollary1, Corollary2,
    R4, CopySlices, Freeze, SwitchCost, Masks, Shares,
]  # fmt: skip


@interpreted
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_fails_a_vector(mutant: type[Gpu]) -> None:
    for vector in VECTORS.values():
        try:
            if replay(vector, mutant) != expected(vector):
                return
        except (AssertionError, ValueError, KeyError, IndexError):
            return
    pytest.fail(f"no vector notices: {mutant.__doc__}")


@interpreted
def test_where_a_block_goes_matters_to_nobody_else() -> None:
    """Which multiprocessor takes a block is not documented: of the vectors from the paper none depends on it."""
    for name, vector in VECTORS.items():
        if name.startswith("rtss17"):
            assert replay(vector, Placement) == expected(vector)


# ---- the room of a multiprocessor --------------------------------------------------------------------------------------


def test_room_is_the_least_that_any_limit_leaves() -> None:
    from rtsched.model.accelerator import BlockLevel

    spec = BlockLevel(sms=1, threads=2048, shared_memory=64 * 1024, registers=65536, blocks=16)
    view = Multiprocessors(spec)
    assert view.room(Operation("k", MS, 1, 1024), 0) == 2
    assert view.room(Operation("k", MS, 1, 32, shared=20 * 1024), 0) == 3
    assert view.room(Operation("k", MS, 1, 32, registers=32 * 255), 0) == 8
    assert view.room(Operation("k", MS, 1, 32), 0) == 16
