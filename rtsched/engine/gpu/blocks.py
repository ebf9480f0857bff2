"""What a GPU served block by block is made of: operations, waves, streams, multiprocessors, contexts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Any

from rtsched.engine.event_loop import NEVER
from rtsched.model.accelerator import BlockLevel
from rtsched.trace.trace import FULL_SPEED

#: Full speed. Work is counted in 1/ONE of a nanosecond, so that every speed is an integer and no work is lost.
ONE = FULL_SPEED
#: More than any limit: what is not limited.
BOUNDLESS = 1 << 60


class Operation:
    """A kernel (`blocks` > 0) or a copy (`engine` >= 0) on its way through a stream.

    `left` blocks are not assigned yet; `time` is that of one block (or of the copy) in 1/ONE ns. Its own clock runs at
    `speed`/ONE, so that it can be frozen, slowed and hastened.
    """

    __slots__ = (
        "blocks", "clock", "copy", "done", "engine", "held", "last", "left", "level", "name", "order", "phase",
        "queued", "registers", "running", "shared", "since", "speed", "stream", "threads", "time", "waves", "work",
    )  # fmt: skip

    def __init__(
        self,
        name: Any,
        time: int,
        blocks: int = 0,
        threads: int = 0,
        shared: int = 0,
        registers: int = 0,
        engine: int = -1,
        done: Callable[[int], None] | None = None,
    ) -> None:
        self.name = name
        self.time = time * ONE
        self.blocks = self.left = blocks
        self.threads = threads
        self.shared = shared
        self.registers = registers
        self.engine = engine
        self.copy = engine >= 0
        self.done = done
        self.level = self.order = 0
        self.queued = False
        self.running = 0
        self.waves: list[Wave] = []
        self.clock = self.since = 0
        self.speed = ONE
        # fluid: work left at `phase` (own clock), slots held, and whether the last wave runs
        self.work = blocks * time * ONE
        self.phase = 0
        self.held = 0
        self.last = False
        self.stream: Stream

    @property
    def begun(self) -> bool:
        """Whether any of it has run, or runs."""
        return bool(self.waves) or self.left < self.blocks or self.work < self.blocks * self.time

    def now(self, time: int) -> int:
        """Its own clock at `time`."""
        return self.clock + (time - self.since) * self.speed


class Wave:
    """Blocks of one operation that were assigned together: what they hold, and when they end on its clock."""

    __slots__ = ("blocks", "end", "operation", "order", "places", "real", "start")

    def __init__(self, operation: Operation, places: list[tuple[int, int]], start: int, end: int, order: int) -> None:
        self.operation = operation
        self.places = places
        self.blocks = sum(count for _, count in places)
        self.start = start
        self.end = end
        self.order = order
        self.real = NEVER


class Stream:
    """A first-in-first-out queue of operations of one context. `multiprocessors` are those its kernels may use.

    `idle` is since when it has had work and none of it ran (NEVER: something runs, or there is nothing).
    """

    __slots__ = (
        "channel", "context", "idle", "multiprocessors", "name", "nonblocking", "null", "operations", "speed",
        "undispatched", "waiting",
    )  # fmt: skip

    def __init__(
        self, name: Any, context: Context, multiprocessors: tuple[int, ...], nonblocking: bool, null: bool
    ) -> None:
        self.name = name
        self.context = context
        self.multiprocessors = multiprocessors
        self.nonblocking = nonblocking
        self.null = null
        self.operations: deque[Operation] = deque()
        self.channel = False
        self.waiting = False
        self.undispatched = 0
        self.speed = ONE
        self.idle = NEVER


class Multiprocessors:
    """What is free on each multiprocessor, as one context (or all that share) sees it."""

    def __init__(self, spec: BlockLevel) -> None:
        self.threads = [spec.threads] * spec.sms
        self.shared = [BOUNDLESS if spec.shared_memory is None else spec.shared_memory] * spec.sms
        self.registers = [BOUNDLESS if spec.registers is None else spec.registers] * spec.sms
        self.slots = [BOUNDLESS if spec.blocks is None else spec.blocks] * spec.sms
        self.pack = spec.placement == "pack"

    def room(self, operation: Operation, place: int) -> int:
        """How many more of the operation's blocks fit on one multiprocessor (Amert R1-R3)."""
        room = min(self.threads[place] // operation.threads, self.slots[place])
        if operation.shared:
            room = min(room, self.shared[place] // operation.shared)
        if operation.registers:
            room = min(room, self.registers[place] // operation.registers)
        return room

    def take(self, operation: Operation, wanted: int) -> list[tuple[int, int]]:
        """Assign up to `wanted` blocks; return (multiprocessor, blocks) pairs."""
        context = operation.stream.context
        rooms = {place: room for place in operation.stream.multiprocessors if (room := self.room(operation, place)) > 0}
        if not rooms:
            return []
        if context.cap < len(self.threads):
            counts = self._one_by_one(operation, rooms, wanted, context)
        elif sum(rooms.values()) <= wanted:
            counts = rooms
        elif self.pack:
            counts = {}
            for place, room in rooms.items():
                counts[place] = min(room, wanted)
                wanted -= counts[place]
                if not wanted:
                    break
        else:
            counts = self._one_by_one(operation, rooms, wanted, None)
        places = sorted(counts.items())
        for place, count in places:
            self._hold(operation, place, count)
        return places

    def _one_by_one(
        self, operation: Operation, rooms: dict[int, int], wanted: int, context: Context | None
    ) -> dict[int, int]:
        """Block for block to the one with the most free threads (or the lowest), a client's cap of SMs observed."""
        counts: dict[int, int] = {}
        used = 0 if context is None else sum(1 for count in context.blocks if count)
        heap = [(0 if self.pack else -self.threads[place], place) for place in rooms]
        heapify(heap)
        while heap and wanted:
            key, place = heappop(heap)
            if context is not None and not context.blocks[place] and place not in counts:
                if used >= context.cap:
                    continue
                used += 1
            counts[place] = counts.get(place, 0) + 1
            wanted -= 1
            if counts[place] < rooms[place]:
                heappush(heap, (key if self.pack else key + operation.threads, place))
        return counts

    def _hold(self, operation: Operation, place: int, count: int) -> None:
        self.threads[place] -= count * operation.threads
        self.shared[place] -= count * operation.shared
        self.registers[place] -= count * operation.registers
        self.slots[place] -= count
        operation.stream.context.blocks[place] += count

    def give_back(self, operation: Operation, places: Iterable[tuple[int, int]]) -> None:
        """What a wave held is free again."""
        for place, count in places:
            self._hold(operation, place, -count)


class Context:
    """An address space: its streams, channels and (unless merged by MPS) its queues and its view of the GPU.

    It may have blocks on at most `cap` multiprocessors at a time.
    """

    def __init__(self, name: Any, spec: BlockLevel, cap: int) -> None:
        self.name = name
        self.cap = cap
        self.blocks = [0] * spec.sms
        self.null: Stream | None = None
        self.streams: list[Stream] = []
        self.channels = BOUNDLESS if spec.channels is None else spec.channels
        self.waiting: list[Stream] = []
        self.queues: list[deque[Operation]] = [deque() for _ in range(spec.priorities)]
        self.multiprocessors = Multiprocessors(spec)
        self.running: dict[Operation, None] = {}

    @property
    def busy(self) -> bool:
        """Whether any kernel waits in a queue or has running blocks."""
        return bool(self.running) or any(self.queues)
