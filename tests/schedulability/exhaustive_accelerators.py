"""The worst responses of tasks that share an accelerator, found by trying every sporadic arrival, tick by tick.

It shares nothing with the formulas: states are followed from the definition of each policy until no new one is found.
A job has one of a few shapes, which say how long it computes before, between and after its segments, and how long these
take. Requests of one instant queue in every order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

from rtsched.schedulability.theorems.accelerators import SharedAccelerator

#: (what, ticks left, ticks in all): "cpu", an "update" of the runlist, which is not preempted, or "gpu".
Phase = tuple[str, int, int]
#: Ticks since the release (of an idle task at most T), and what is left of the job; None: no job.
Standing = tuple[int, tuple[Phase, ...] | None]
#: Everybody, who waits or is served (by arrival), who is served; of time slices also: ticks of the slice, of the switch.
State = tuple[tuple[Standing, ...], tuple[int, ...], int, int, int, int]
NOBODY = -1


@dataclass
class Search:
    """All runs of a model; `spins`: tasks keep their cores while they wait; `lingers`: see `_served`."""

    model: SharedAccelerator
    spins: bool = False
    lingers: bool = False
    short: bool = True
    most: int = 300_000

    def worst(self) -> list[int] | None:
        """The longest response of each task over all runs; None if there are too many states, or a job is late."""
        self.found = [0] * len(self.model.tasks)
        self.late = False
        start: State = (tuple((task.T, None) for task in self.model.tasks), (), NOBODY, NOBODY, 0, 0)
        seen, stack = {start}, [start]
        while stack and not self.late:
            for after in self._ticks(stack.pop()):
                if after not in seen:
                    seen.add(after)
                    stack.append(after)
            if len(seen) > self.most:
                return None
        return None if self.late else self.found

    def shapes(self, index: int) -> list[tuple[Phase, ...]]:
        """What a job may do: compute first, last, or half and half; with whole times, or hardly any."""
        task, e = self.model.tasks[index], self.model.epsilon
        made = []
        for C, G in [(task.C, task.segments)] + [(0, tuple(1 for _ in task.segments))] * self.short:
            for first in {0, C // 2, C} if task.segments else {C}:
                phases: list[Phase] = [("cpu", first, first)]
                for segment in G:
                    length = segment + {"fifo": e, "server": 2 * e}.get(self.model.policy, 0)
                    gpu: Phase = ("gpu", length, length)
                    phases += [("update", e, e), gpu, ("update", e, e)] if self.model.policy == "gcaps" else [gpu]
                made.append((*phases, ("cpu", C - first, C - first)))
        return list(dict.fromkeys(made))

    def _ticks(self, state: State) -> Iterator[State]:
        """All states a tick later."""
        everybody, queue, holder, last, left, switch = state
        idle = [i for i, (age, phases) in enumerate(everybody) if phases is None and age == self.model.tasks[i].T]
        for choice in product(*([None, *self.shapes(index)] for index in idle)):
            standing = list(everybody)
            for index, phases in zip(idle, choice, strict=True):
                if phases is not None:
                    standing[index] = (0, phases)
            asking = [index for index in range(len(standing)) if self._enter(standing, index, queue)]
            orders = permutations(asking) if self.model.policy == "fifo" else [tuple(asking)]
            for order in orders:
                yield from self._run(list(standing), (*queue, *order), holder, last, left, switch)

    def _enter(self, standing: list[Standing], index: int, queue: tuple[int, ...]) -> bool:
        """Leave what is over; whether a new request comes."""
        age, phases = standing[index]
        while phases and phases[0][1] == 0 and phases[0][0] != "gpu":
            phases = phases[1:]
        if phases is not None and not phases:
            self.found[index] = max(self.found[index], age)
            phases = None
        standing[index] = (age, phases)
        return bool(phases) and phases is not None and phases[0][0] == "gpu" and index not in queue

    def _run(
        self, standing: list[Standing], queue: tuple[int, ...], holder: int, last: int, left: int, switch: int
    ) -> Iterator[State]:
        """One tick of the accelerator and of every core."""
        policy, model = self.model.policy, self.model
        if policy == "time-slicing":
            if holder != NOBODY and left == 0 and switch == 0:
                holder = NOBODY
            if holder == NOBODY and queue:
                n = len(standing)
                holder = min(queue, key=lambda index: (index - last - 1) % n)
                left, switch = model.Lts, model.theta // 2 if last not in (NOBODY, holder) else 0
                last = holder
        elif policy == "gcaps":
            holder = self._served(standing, queue)
        elif holder == NOBODY and queue:
            holder = queue[0] if policy == "fifo" else min(queue)
        busy = ""
        after = list(standing)
        if holder != NOBODY:
            age, phases = standing[holder]
            assert phases is not None
            what, ticks, whole = phases[0]
            if policy == "server" and (ticks > whole - model.epsilon or ticks <= model.epsilon):
                busy = model.server_core or "of its own"
            if switch:
                switch -= 1
            elif what == "gpu":
                after[holder] = (age, (("gpu", ticks - 1, whole), *phases[1:]))
                left = max(0, left - 1)
        for core in {task.core for task in model.tasks} - {busy}:
            self._compute(standing, after, core)
        done = [i for i in queue if (p := after[i][1]) and p[0][0] == "gpu" and p[0][1] == 0]
        for index in done:
            age, phases = after[index]
            assert phases is not None
            after[index] = (age, phases[1:])
            queue = tuple(each for each in queue if each != index)
            holder = NOBODY if holder == index else holder
        for index, (age, phases) in enumerate(after):
            T = model.tasks[index].T
            self.late |= phases is not None and age + 1 > T
            after[index] = (min(T, age + 1) if phases is None else age + 1, phases)
        for index in range(len(after)):  # who ends now may come again at once
            self._enter(after, index, tuple(range(len(after))))
        if policy != "time-slicing" or (holder == NOBODY and not queue):
            left = switch = 0
        yield tuple(after), queue, holder, last if policy == "time-slicing" else NOBODY, left, switch

    def _served(self, standing: list[Standing], queue: tuple[int, ...]) -> int:
        """GCAPS: the most urgent context; if it `lingers`, also one whose segment is over, but not its last update."""
        asking = set(queue)
        if self.lingers:
            for index, (_, phases) in enumerate(standing):
                segments = len(self.model.tasks[index].segments)
                # cpu, (update, gpu, update) ..., cpu: 3 η + 2 in all; an end is next where 3 k + 2 are left
                if (
                    phases
                    and phases[0][0] == "update"
                    and (len(phases) - 2) % 3 == 0
                    and len(phases) < 3 * segments + 2
                ):
                    asking.add(index)
        return min(asking, default=NOBODY)

    def _compute(self, standing: list[Standing], after: list[Standing], core: str) -> None:
        """A tick of a core: an update that has begun, else the most urgent task that computes."""
        ready: list[int] = []
        for index, (_, phases) in enumerate(standing):
            if self.model.tasks[index].core != core or not phases:
                continue
            what, ticks, whole = phases[0]
            if what == "update" and ticks < whole:
                ready = [index]
                break
            if what != "gpu" or self.spins:
                ready.append(index)
        if not ready:
            return
        age, phases = standing[ready[0]]
        assert phases is not None
        what, ticks, whole = phases[0]
        if what != "gpu":
            after[ready[0]] = (age, ((what, ticks - 1, whole), *phases[1:]))
