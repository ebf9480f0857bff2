"""Layers move between GPU and CPU until a response-time test passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, product
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.schedulers.chain_allocations import LayerChain, passing
from rtsched.schedulers.chain_responses import response_times
from rtsched.schedulers.placements.layers import Homes, Layers

if TYPE_CHECKING:
    from rtsched.engine.soc import Soc
    from rtsched.engine.task_state import TaskState
    from rtsched.model.taskgraph import NodeSpec


#: How an allocation fares in the test (tasks that fail, largest load), and the allocation.
Tested = tuple[tuple[int, float], Homes]


#: All allocations are tried where there are at most so many; else at most so many tests are made.
ALLOCATIONS = 1024


TESTS = 4096

#: So many steps has the search that leaves none out.
STEPS = 20_000

SEARCHES = ("one-by-one", "all")


class LaLaRAND(Layers):
    """In the style of LaLaRAND: layers move from the GPU to the CPU until a response-time test passes.

    Kang, Lee, Lee, Shin and Chwa, "LaLaRAND: flexible layer-by-layer CPU/GPU scheduling for real-time DNN tasks", RTSS
    2021. The run-time is the artefact's (one non-preemptive priority queue per resource, rate monotonic; so write
    ``{ordering: rm, placement: lalarand-style, preemption: nonpreemptive}``). The offline part was not read; what is
    usually told of it is this: all layers start on the GPU; while some task fails the test, the layer with the most
    GPU time relieved per CPU time added moves to the CPU; then accuracy is won back. ``search: one-by-one`` is that: it
    is greedy, and finds about half of what passes (analysis/allocations).

    Ours is the rest. The test is `response_times`. Where that way finds nothing that passes, ``search: all`` goes on:
    all allocations are tried if there are at most 1024 (of those that pass the least accuracy lost wins, then the least
    load); if there are more, those of whole tasks, and from the best of them steps of one layer or one task as long as
    they help, for some 4096 tests; and then `passing`, which misses none. Layers that lose accuracy on the CPU go back,
    the worst first, as long as the test passes. If nothing is found the allocation on the first way that fails for the
    fewest tasks (then the one of least load) is taken.

    Needs chains with times on both. What passes meets its deadlines (the test is sufficient) when execution times are
    at most the expected ones; it fails where nothing can move, and may miss what passes only where `passing` gives up:
    beyond 20,000 steps, or for a chain with more than 512 allocations that no other one beats.
    """

    accelerators = ("gpu",)

    def __init__(self, accelerator: str | None = None, cpu: str | None = None, search: str = "all") -> None:
        super().__init__(accelerator, cpu)
        if search not in SEARCHES:
            raise InputError(f"search: must be {' or '.join(SEARCHES)} (found {search!r})")
        self.goes_on = search == "all"

    def setup(self, soc: Soc) -> None:
        super().setup(soc)
        best = self._move_one_by_one()
        if best[0][0] and self.goes_on:
            found = self._searched(best[1])
            if found[0][0]:
                found = self._left_none_out() or found
            best = best if found[0][0] else found
        self.homes = best[1]
        if not best[0][0]:
            self._win_back()

    def _move_one_by_one(self) -> Tested:
        """The first allocation that passes on the way from the GPU to the CPU, else the best on it."""
        soc = self.soc
        self.homes = self.everything_on(self.fast)
        best = (self._worst(self.homes), dict(self.homes))
        while best[0][0]:
            moves = []
            for task in soc.tasks:
                for node in task.nodes:
                    place = (task.index, node.index)
                    if self.homes.get(place) == self.fast and self.slow in self.choices(node):
                        relieved, added = self.time(node, self.fast) or 0, self.time(node, self.slow) or 1
                        period = task.period or task.deadline
                        moves.append((-relieved / added, -relieved / period, place))
            if not moves:
                break
            self.homes[min(moves)[2]] = self.slow
            worst = self._worst(self.homes)
            if worst < best[0]:
                best = (worst, dict(self.homes))
        return best

    def _searched(self, first: Homes) -> Tested:
        """The best allocation among all, or among many (see above)."""
        layers = [
            (task.index, node.index) for task in self.soc.tasks for node in task.nodes if len(self.choices(node)) == 2
        ]
        if 1 << len(layers) <= ALLOCATIONS:
            return self._best(self._allocations([[layer] for layer in layers]))
        tasks = [[layer for layer in layers if layer[0] == task.index] for task in self.soc.tasks]
        tasks = [movable for movable in tasks if movable]
        whole = self._allocations(tasks[: ALLOCATIONS.bit_length() - 1])
        best = self._best(chain([first], whole))
        steps = [[layer] for layer in layers] + tasks
        tests = 0
        while best[0][0] and tests < TESTS:
            near = [
                {**best[1], **dict.fromkeys(step, home)}
                for step in steps
                for home in (self.fast, self.slow)
                if any(best[1][layer] != home for layer in step)
            ]
            tests += len(near)
            better = self._best([best[1], *near[:TESTS]])
            if better[1] == best[1]:
                break
            best = better
        return best

    def _left_none_out(self) -> Tested | None:
        """An allocation that passes, if there is one and the search comes to it."""
        tasks = self._by_priority()
        chains = []
        for task in tasks:
            nodes = [{name: self._time(node, name) for name in self._names(node)} for node in task.nodes]
            chains.append(LayerChain(task.period or task.deadline, task.deadline, nodes))
        found = passing(chains, STEPS).places
        if found is None:
            return None
        homes = self.everything_on(self.fast)
        for task, places in zip(tasks, found, strict=True):
            for node, name in zip(task.nodes, places, strict=True):
                if (task.index, node.index) in homes:
                    homes[task.index, node.index] = name
        return self._worst(homes), homes

    def _allocations(self, groups: list[list[tuple[int, int]]]) -> Iterator[Homes]:
        """Every way to put groups of layers on either side, all others on the GPU."""
        start = self.everything_on(self.fast)
        for sides in product((self.fast, self.slow), repeat=len(groups)):
            yield start | {layer: side for group, side in zip(groups, sides, strict=True) for layer in group}

    def _best(self, allocations: Iterable[Homes]) -> Tested:
        """The allocation with the fewest tasks that fail, then (where none does) the least accuracy lost, then load."""
        return min(((self._worst(homes), homes) for homes in allocations), key=self._rank)

    def _rank(self, tested: Tested) -> tuple[int, float, float]:
        (fails, load), homes = tested
        nodes = {(task.index, node.index): node for task in self.soc.tasks for node in task.nodes}
        return fails, 0.0 if fails else sum(self.loss(nodes[place], home) for place, home in homes.items()), load

    def _win_back(self) -> None:
        """Return what loses accuracy on the CPU to the GPU, where the test allows it."""
        nodes = {(task.index, node.index): node for task in self.soc.tasks for node in task.nodes}
        moved = [place for place, home in self.homes.items() if home == self.slow]
        gains = [(self.loss(nodes[p], self.fast) - self.loss(nodes[p], self.slow), p) for p in moved]
        for gain, place in sorted(gains):
            if gain < 0 and self.fast in self.choices(nodes[place]):
                self.homes[place] = self.fast
                if self._worst(self.homes)[0]:
                    self.homes[place] = self.slow

    def _worst(self, homes: Homes) -> tuple[int, float]:
        """How many tasks fail the test of `response_times`, and the largest load of a resource."""
        demands = []
        for task in self._by_priority():
            pieces: dict[str, list[int]] = {}
            for node in task.nodes:
                name = homes.get((task.index, node.index)) or self._names(node)[0]
                pieces.setdefault(name, []).append(self._time(node, name))
            demands.append((task.period or task.deadline, task.deadline, pieces))
        loads: dict[str, float] = {}
        for period, _, each in demands:
            for name, times in each.items():
                loads[name] = loads.get(name, 0.0) + sum(times) / period
        return response_times(demands).count(float("inf")), max(loads.values())

    def _by_priority(self) -> list[TaskState]:
        return sorted(self.soc.tasks, key=lambda task: (task.period or task.deadline, task.index))

    def _names(self, node: NodeSpec) -> list[str]:
        """The clusters among which a node has a choice, or the one that it runs on."""
        return self.choices(node) or [self.soc.processors[node.eligible[0]].cluster]

    def _time(self, node: NodeSpec, cluster: str) -> int:
        return self.time(node, cluster) or self.soc.beliefs.fastest(node)
