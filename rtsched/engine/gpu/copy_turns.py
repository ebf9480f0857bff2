"""Copies of different contexts on one copy engine of a GPU: they take turns as kernels do, each for its time slice.

Bakita and Anderson, RTAS 2024: copies of different tasks alternate about every millisecond. Each engine has a round of
its own; a switch costs nothing here, since only that of compute was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtsched.engine.gpu.blocks import ONE, Context, Operation

if TYPE_CHECKING:
    from rtsched.engine.gpu.gpu import Gpu


class CopyTurns:
    """Whose copies one engine serves; those of the others stand still, begun ones `aside`."""

    def __init__(self, gpu: Gpu, engine: int) -> None:
        self.gpu = gpu
        self.engine = engine
        self.active: Context | None = None
        self.last: Context | None = None
        self.end = 0
        self.aside: dict[Context, Operation] = {}

    def turn(self, now: int) -> Operation | None:
        """Settle whose turn it is; the copy that begins with it, out of the queue, if the engine is free for one."""
        gpu, engine = self.gpu, self.engine
        current = gpu.copying[engine]
        busy = {operation.stream.context for operation in (*gpu.engines[engine], *self.aside.values())}
        if current is not None:
            busy.add(current.stream.context)
        if not busy:
            self.active = None
            return None
        if self.active not in busy or now >= self.end:
            following = self._next(busy)
            if current is not None and current.stream.context is not following:
                gpu._pace(current, 0, now)
                self.aside[current.stream.context] = current
                gpu.copying[engine] = None
            self._begin(following, now)
        return None if gpu.copying[engine] is not None else self._go_on(now)

    def _next(self, busy: set[Context]) -> Context:
        """The next context with copies, cyclically after the one that was served last; that one again if alone."""
        order = list(self.gpu.contexts.values())
        start = 0 if self.last is None else order.index(self.last) + 1
        return next(context for context in order[start:] + order[:start] if context in busy)

    def _begin(self, context: Context, now: int) -> None:
        assert self.gpu.spec.time_slice is not None
        self.active = self.last = context
        self.end = now + self.gpu.spec.time_slice
        self.gpu.loop.arm(self.gpu.timer, self.end)

    def _go_on(self, now: int) -> Operation | None:
        """The active context's copy that was put aside goes on; else its first one in the queue is handed out."""
        assert self.active is not None
        operation = self.aside.pop(self.active, None)
        if operation is not None:
            self.gpu.copying[self.engine] = operation
            self.gpu._pace(operation, ONE, now)
            return None
        queue = self.gpu.engines[self.engine]
        operation = next(each for each in queue if each.stream.context is self.active)
        queue.remove(operation)
        return operation
