"""A GPU served block by block: streams, queues, multiprocessors, copy engines, channels, contexts.

Rules (names as in the tests): Amert, Otterness, Yang, Anderson, Smith, "GPU scheduling on the NVIDIA TX2: hidden
details revealed", RTSS 2017 (G1-G4, X1, R1-R3, C1-C4, N1-N2, A1-A2); Bakita and Anderson, "Demystifying NVIDIA GPU
internals to enable reliable GPU management", RTAS 2024 (channels, time slices between contexts).

Order within an instant: completions in order of assignment; launches; stream heads into their queues (streams whose
head has just completed first); assignments from the highest queue down; again until nothing moves.

Here in exact mode: one event per wave, the blocks of a kernel that were assigned together.
`rtsched.engine.gpu.fluid` is the other one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from rtsched.engine.event_loop import COMPLETION, NEVER, TIMER, Alarm, EventLoop
from rtsched.engine.gpu.blocks import Context, Operation, Stream, Wave
from rtsched.engine.gpu.copy_turns import CopyTurns
from rtsched.model.accelerator import BlockLevel


class Gpu:
    """A GPU whose operations are served block by block, from streams.

    `touch` asks for `settle` at the end of the present instant; `observe` is told of every wave, and `waited` of every
    interval in which the head of a stream had nothing running. Launch operations on streams; each calls its ``done``
    when it is complete.
    """

    def __init__(
        self,
        spec: BlockLevel,
        loop: EventLoop,
        touch: Callable[[], None],
        observe: Callable[[Operation, int, int, int], None] | None = None,
        pick: Callable[[int], int] | None = None,
        rank: int = COMPLETION,
        waited: Callable[[Operation, int, int], None] | None = None,
    ) -> None:
        self.spec = spec
        self.loop = loop
        self.touch = touch
        self.observe = observe
        self.pick = pick
        self.waited = waited
        self.sliced = spec.mps is None and spec.time_slice is not None
        self.contexts: dict[Any, Context] = {}
        self.engines: list[deque[Operation]] = [deque() for _ in range(spec.copy_engines)]
        self.copying: list[Operation | None] = [None] * spec.copy_engines
        self.launched = self.assigned = 0
        self.heads: dict[Stream, None] = {}
        self.fresh: list[Stream] = []
        self.ends: list[tuple[int, int, Wave]] = []
        self.alarm = Alarm(loop, rank, self._fire)
        self.armed = NEVER
        self.active: Context | None = None
        self.last: Context | None = None
        self.slice_end = self.switched = 0
        self.timer = Alarm(loop, TIMER, touch)
        self.turns = [CopyTurns(self, engine) for engine in range(spec.copy_engines)] if self.sliced else []

    # ---- what is there -------------------------------------------------------------------------------------------

    def context(self, name: Any = None) -> Context:
        """The context of a name; made when first asked for, which is its place in the round."""
        found = self.contexts.get(name)
        if found is None:
            share = None if self.spec.mps is None else self.spec.mps.get(name)
            cap = self.spec.sms if share is None else -int(-share * self.spec.sms // 100)
            found = Context(name, self.spec, cap)
            if self.contexts and not self.sliced:  # one task as far as the hardware goes: MPS, or no slices asked for
                first = next(iter(self.contexts.values()))
                found.queues, found.multiprocessors, found.running = first.queues, first.multiprocessors, first.running
            self.contexts[name] = found
        return found

    def stream(
        self, name: Any, context: Any = None, *, mask: int = 0, nonblocking: bool = False, null: bool = False
    ) -> Stream:
        """A new stream; `mask` has a bit for every TPC that its kernels may not use."""
        home = self.context(context)
        allowed = tuple(sm for sm in range(self.spec.sms) if not mask >> (sm // self.spec.sms_per_tpc) & 1)
        made = Stream(name, home, allowed, nonblocking, null)
        home.streams.append(made)
        if null:
            home.null = made
        return made

    def launch(self, stream: Stream, operation: Operation, priority: int = 0) -> None:
        """Issue an operation now (G1). Smaller `priority` is more urgent; 0 is the lowest level."""
        operation.stream = stream
        operation.level = max(0, min(self.spec.priorities - 1, priority + self.spec.priorities - 1))
        operation.order = self.launched
        self.launched += 1
        if not stream.operations:
            self.heads[stream] = None
            stream.idle = self.loop._now
        stream.operations.append(operation)
        if not operation.copy:
            stream.undispatched += 1
            context = stream.context
            if not stream.channel and not stream.waiting:
                if context.channels > 0 and not context.waiting:
                    context.channels -= 1
                    stream.channel = True
                else:
                    stream.waiting = True
                    context.waiting.append(stream)
        self.touch()

    def kill(self, stream: Stream, now: int) -> None:
        """Throw away all operations of a stream, running blocks too (a reset)."""
        if stream.operations:
            self._resume(stream.operations[0], now)
        for operation in stream.operations:
            for wave in operation.waves:
                wave.real = NEVER
                if self.observe is not None and wave.start < now:
                    self.observe(operation, wave.start, now, wave.blocks)
                if not operation.copy:
                    stream.context.multiprocessors.give_back(operation, wave.places)
            operation.waves.clear()
            stream.context.running.pop(operation, None)
            if operation.copy:
                self._forget_copy(operation)
            elif operation.queued and not self._dispatched(operation):
                stream.context.queues[operation.level].remove(operation)
        stream.operations.clear()
        stream.undispatched = 0
        self._rest(stream)

    def recall(self, stream: Stream, now: int, kept: int = 0) -> int:
        """Take back the operations of a stream that have not begun, the last first; how many are left (one, or none).

        What has begun goes on to its end. The first `kept` are left in any case.
        """
        operations = stream.operations
        if not kept and operations and not operations[0].begun:
            self._resume(operations[0], now)
        while len(operations) > kept and not operations[-1].begun:
            operation = operations.pop()
            if operation.copy:
                self._forget_copy(operation)
                continue
            stream.undispatched -= 1
            if operation.queued:
                stream.context.queues[operation.level].remove(operation)
        if not stream.undispatched:
            self._rest(stream)
        return len(operations)

    def _rest(self, stream: Stream) -> None:
        """Nothing of the stream is to be dispatched any more: it needs no channel, and no turn."""
        if not stream.operations:
            self.heads.pop(stream, None)
        if stream.waiting:
            stream.waiting = False
            stream.context.waiting.remove(stream)
        self._free_channel(stream)
        self.touch()

    def _forget_copy(self, operation: Operation) -> None:
        engine = operation.engine
        if self.copying[engine] is operation:
            self.copying[engine] = None
        elif operation in self.engines[engine]:
            self.engines[engine].remove(operation)
        elif operation.queued:
            self.turns[engine].aside.pop(operation.stream.context)

    def pace_stream(self, stream: Stream, speed: int, now: int) -> None:
        """The kernels of a stream advance at speed/ONE from now on (frequency, heat, memory)."""
        if stream.speed == speed:
            return
        stream.speed = speed
        if stream.operations:
            operation = stream.operations[0]
            if operation in stream.context.running and (operation.speed or not self._frozen(stream.context)):
                self._pace(operation, speed, now)

    def _frozen(self, context: Context) -> bool:
        return self.sliced and (context is not self.active or self.loop._now < self.switched)

    def _resume(self, operation: Operation, now: int) -> None:
        """The head of a stream runs (again), or is gone: tell how long it did not."""
        stream = operation.stream
        if stream.idle < now and self.waited is not None:
            self.waited(operation, stream.idle, now)
        stream.idle = NEVER

    def _pace(self, operation: Operation, speed: int, now: int) -> None:
        if operation.waves and not speed:
            operation.stream.idle = min(operation.stream.idle, now)
        elif operation.waves:
            self._resume(operation, now)
        operation.clock = operation.now(now)
        operation.since = now
        operation.speed = speed
        for wave in operation.waves:
            self._arm(wave)

    # ---- one instant ---------------------------------------------------------------------------------------------

    def _arm(self, wave: Wave) -> None:
        """Let the end of `wave` come up when its operation's clock gets there; never while that stands still."""
        operation = wave.operation
        if not operation.speed:
            wave.real = NEVER
            return
        real = operation.since - (operation.clock - wave.end) // operation.speed  # rounded up
        wave.real = real
        heappush(self.ends, (real, wave.order, wave))
        if real < self.armed:
            self.armed = real
            self.loop.arm(self.alarm, real)

    def _fire(self) -> None:
        """Completions, in the order of assignment."""
        now = self.loop._now
        if now != self.armed:
            return
        self.armed = NEVER
        ends = self.ends
        while ends and (ends[0][0] <= now or ends[0][2].real != ends[0][0]):
            real, _, wave = heappop(ends)
            if wave.real == real:
                wave.real = NEVER
                self._ended(wave, now)
        if ends:
            self.armed = ends[0][0]
            self.loop.arm(self.alarm, self.armed)
        self.touch()

    def _ended(self, wave: Wave, now: int) -> None:
        operation = wave.operation
        operation.waves.remove(wave)
        if not operation.waves:
            operation.stream.idle = now
        if self.observe is not None:
            self.observe(operation, wave.start, now, wave.blocks)
        if operation.copy:
            self.copying[operation.engine] = None
            self._complete(operation, now)
            return
        context = operation.stream.context
        context.multiprocessors.give_back(operation, wave.places)
        operation.running -= wave.blocks
        self._account(operation, wave)
        if operation.running:
            return
        context.running.pop(operation)
        if not operation.left:
            self._complete(operation, now)

    def _complete(self, operation: Operation, now: int) -> None:
        """G4, C4: the operation leaves its stream."""
        stream = operation.stream
        stream.operations.popleft()
        if stream.operations:
            self.heads[stream] = None
        else:
            stream.idle = NEVER
        self.fresh.append(stream)
        if operation.done is not None:
            operation.done(now)

    def settle(self, now: int) -> None:
        """Everything after completions and launches: heads into queues, contexts, assignments, until nothing moves."""
        moved = True
        while moved:
            moved = self._enqueue_heads()
            if self.sliced:
                self._take_turns(now)
            moved |= self._assign_copies(now)
            for context in self.contexts.values():
                if not self.sliced or (context is self.active and now >= self.switched):
                    moved |= self._assign(context, now)
                if not self.sliced:
                    break
        self.fresh.clear()

    # ---- heads into queues ---------------------------------------------------------------------------------------

    def _enqueue_heads(self) -> bool:
        if not self.heads:
            return False
        moved = False
        order = [stream for stream in self.fresh if stream in self.heads]
        order += sorted((s for s in self.heads if s not in self.fresh), key=lambda s: s.operations[0].order)
        for stream in dict.fromkeys(order):
            operation = stream.operations[0]
            if not self._may_enter(stream, operation):
                continue
            del self.heads[stream]
            operation.queued = moved = True
            if operation.copy:  # C1
                self.engines[operation.engine].append(operation)
            else:  # Amert G2, A1
                stream.context.queues[operation.level].append(operation)
        return moved

    def _may_enter(self, stream: Stream, operation: Operation) -> bool:
        """G2 with channels; N1 for the NULL stream, N2 for the others."""
        if not operation.copy and not stream.channel:
            return False
        null = stream.context.null
        if stream.nonblocking or null is None:
            return True
        if stream is null:
            return all(
                other.nonblocking or not other.operations or other.operations[0].order > operation.order
                for other in stream.context.streams
                if other is not null
            )
        return not null.operations or null.operations[0].order > operation.order

    def _free_channel(self, stream: Stream) -> None:
        """Corollary 1: a channel is free when all kernels of its stream are fully dispatched."""
        context = stream.context
        if not stream.channel or stream.undispatched:
            return
        stream.channel = False
        if not context.waiting:
            context.channels += 1
            return
        order = self.spec.channel_order
        index = (
            0 if order == "fifo" else -1 if order == "lifo" or self.pick is None else self.pick(len(context.waiting))
        )
        follower = context.waiting.pop(index)
        follower.waiting = False
        follower.channel = True

    # ---- contexts in turn ----------------------------------------------------------------------------------------

    def _take_turns(self, now: int) -> None:
        """Bakita R4: one context at a time, round-robin, each for its time slice."""
        assert self.spec.time_slice is not None
        active = self.active
        if active is not None:
            if now < self.switched:
                return
            if active.busy and now < self.slice_end:
                self._thaw(active, now)
                return
        following = self._next_context(active)
        if following is None:
            if active is not None and active.busy:
                self._begin_slice(now)
            else:
                self.active = None
            return
        if active is not None:
            for operation in active.running:
                if operation.speed:
                    self._pace(operation, 0, now)
        charged = self.last is not None and self.last is not following
        self.active = self.last = following
        self.switched = now + (self.spec.context_switch if charged else 0)
        self._begin_slice(self.switched)
        if self.switched > now:
            self.loop.arm(self.timer, self.switched)
        else:
            self._thaw(following, now)

    def _begin_slice(self, now: int) -> None:
        assert self.spec.time_slice is not None
        self.slice_end = now + self.spec.time_slice
        self.loop.arm(self.timer, self.slice_end)

    def _thaw(self, context: Context, now: int) -> None:
        for operation in context.running:
            if operation.speed != operation.stream.speed:
                self._pace(operation, operation.stream.speed, now)

    def _next_context(self, active: Context | None) -> Context | None:
        """The next context with work, cyclically after the one that was active last."""
        order = list(self.contexts.values())
        last = active or self.last
        start = 0 if last is None else order.index(last) + 1
        for context in order[start:] + order[:start]:
            if context is not active and context.busy:
                return context
        return None

    # ---- assignments ---------------------------------------------------------------------------------------------

    def _assign_copies(self, now: int) -> bool:
        """C2, C3: the head of a copy queue takes the engine when that is free, and leaves the queue."""
        moved = False
        for engine, queue in enumerate(self.engines):
            if self.sliced:
                operation = self.turns[engine].turn(now)
            else:
                operation = queue.popleft() if queue and self.copying[engine] is None else None
            if operation is not None:
                self.copying[engine] = operation
                operation.since = now
                self._start_wave(operation, [], now, operation.time)
                moved = True
        return moved

    def _assign(self, context: Context, now: int) -> bool:
        """Amert X1, A2: blocks of the head of the highest queue that is not empty, then of the next head."""
        moved = False
        for level, queue in enumerate(context.queues):
            while queue:
                operation = queue[0]
                before = operation.running
                self._place(operation, now)
                moved |= operation.running != before
                if not self._dispatched(operation):
                    self._hold_back(context.queues[level + 1 :], now)
                    return moved
                queue.popleft()  # G3
                moved = True
                stream = operation.stream
                stream.undispatched -= 1
                self._free_channel(stream)
        return moved

    def _dispatched(self, operation: Operation) -> bool:
        """Whether all blocks of a kernel have been assigned."""
        return not operation.left

    def _account(self, operation: Operation, wave: Wave) -> None:
        """A wave has ended: nothing more to count here."""

    def _hold_back(self, lower: list[deque[Operation]], now: int) -> None:
        """Lower queues have to wait: they get no blocks anyway."""

    def _start_wave(self, operation: Operation, places: list[tuple[int, int]], now: int, length: int) -> None:
        wave = Wave(operation, places, now, operation.now(now) + length, self.assigned)
        self.assigned += 1
        if operation.speed:
            self._resume(operation, now)
        operation.waves.append(wave)
        self._arm(wave)

    def _begin(self, operation: Operation, now: int) -> None:
        """The operation's clock starts with its first block (again)."""
        if operation not in operation.stream.context.running:
            operation.clock = operation.now(now)
            operation.since = now
            operation.speed = operation.stream.speed
            operation.stream.context.running[operation] = None

    def _place(self, operation: Operation, now: int) -> None:
        """Assign what fits, as one wave."""
        places = operation.stream.context.multiprocessors.take(operation, operation.left)
        if places:
            self._begin(operation, now)
            blocks = sum(count for _, count in places)
            operation.left -= blocks
            operation.running += blocks
            self._start_wave(operation, places, now, operation.time)
