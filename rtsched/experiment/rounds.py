"""What of a study is to be done: what its database lacks, in one round or for as long as intervals are wide."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from rtsched.experiment.arrays import Block
from rtsched.experiment.bench import Bench, Item
from rtsched.experiment.cells import gathered
from rtsched.experiment.outline import Outline, Place, Run
from rtsched.experiment.statistics import band, is_bounded
from rtsched.experiment.store import Row, Store
from rtsched.experiment.study import Stop

#: Told how many runs are done, how many there are, and how many of the done ones came to nothing.
Progress = Callable[[int, int, int], None]
#: Told how many points were looked at before anything runs, and how many there are.
Look = Callable[[int, int], None]
#: Keys that are asked for at once.
AT_ONCE = 2_000
#: Fewer systems say too little of their spread for Student's interval to be believed, and a point to end.
LEAST = 30


class Counted:
    """How far a study is."""

    def __init__(self, outline: Outline, progress: Progress | None) -> None:
        self.total, self.done, self.failed, self.added = outline.total, 0, 0, 0
        self.progress = progress

    def add(self, rows: list[Row]) -> None:
        """So many more are done."""
        self.done += len(rows)
        self.added += len(rows)
        self.failed += sum(row.status != "ok" for row in rows)
        self.tell()

    def agree(self, written: int) -> None:
        """So many were written: at an interruption some that nobody had counted yet, or counted and not yet written."""
        if written != self.added:
            self.done += written - self.added
            self.added = written
            self.tell()

    def known(self, count: int) -> None:
        """So many were done before."""
        self.done += count

    def spared(self, count: int) -> None:
        """So many are not needed any more."""
        self.total -= count

    def tell(self) -> None:
        """Say how far it is."""
        if self.progress is not None:
            self.progress(self.done, self.total, self.failed)


def rounds(bench: Bench, outline: Outline, store: Store, counted: Counted) -> Iterator[Iterator[Item | Block]]:
    """The items that are wanted: all in one round, or so many in each for as long as a point needs more."""
    if bench.study.generate is None:
        yield from _seeds(outline, store, counted)
    elif bench.study.stop.width is None:
        yield _missing(outline, store, range(len(outline.points)), range(outline.sets), counted)
    else:
        yield from _until_narrow(bench.study.stop, outline, store, counted)


def _seeds(outline: Outline, store: Store, counted: Counted) -> Iterator[Iterator[Item | Block]]:
    """One system a point, so that each run is an item; first of one seed, for where nothing is random it is enough."""
    pairs = [(point, policy) for point in range(len(outline.points)) for policy in range(len(outline.policies))]
    first, others = outline.seeds[0], outline.seeds[1:]

    def items(runs: Iterator[Run]) -> Iterator[Item]:
        for run in runs:
            if store.missing([outline.key(run)]):
                yield Item(run.point, run.set, (run,))
            else:
                counted.known(1)

    yield items(Run(point, 0, policy, first) for point, policy in pairs)
    certain = {pair: store.row(outline, Run(pair[0], 0, pair[1], first)) for pair in pairs} if others else {}
    for (point, policy), row in certain.items():
        if row is not None and not row.random:
            rows = [replace(row, run=Run(point, 0, policy, seed)) for seed in others]
            store.add([(outline.key(each.run), each) for each in rows])
            counted.add(rows)
    left = [pair for pair, row in certain.items() if row is None or row.random]
    yield items(Run(point, 0, policy, seed) for point, policy in left for seed in others)


def _until_narrow(stop: Stop, outline: Outline, store: Store, counted: Counted) -> Iterator[Iterator[Item | Block]]:
    """So many sets a round, for as long as the intervals of a point are wide."""
    points = list(range(len(outline.points)))
    seen = _Seen(stop, outline, store)
    for first in range(0, outline.sets, stop.every):
        numbers = range(first, min(first + stop.every, outline.sets))
        store.reach(dict.fromkeys(points, numbers.stop))
        yield _missing(outline, store, points, numbers, counted)
        left = outline.sets - numbers.stop
        narrow = {point for point in points if left and seen.is_narrow(point, numbers)}
        counted.spared(len(narrow) * left * outline.each)
        points = [point for point in points if point not in narrow]


class _Seen:
    """The values of a metric so far, by point and policy: each row is read once."""

    def __init__(self, stop: Stop, outline: Outline, store: Store) -> None:
        self.metric, self.width = stop.metric or outline.metrics[0], stop.width
        self.outline, self.store = outline, store
        self.share = outline.is_share(self.metric)
        self.policies = range(len(outline.policies) - outline.tests)
        self.values: dict[Place, array[float]] = {}

    def is_narrow(self, point: int, numbers: range) -> bool:
        """Whether with these sets, too, the interval at a point is narrow under every policy."""
        rows = self.store.rows(self.outline, [point], numbers)
        for place, cell in gathered(rows, len(self.outline.policies), False):
            self.values.setdefault(place, array("d")).extend(cell.values(self.metric))
        return all(self._enough(self.values.get((point, policy), ())) for policy in self.policies)

    def _enough(self, values: Sequence[float]) -> bool:
        assert self.width is not None
        if not values or (len(values) < LEAST and not set(values) <= {0, 1}):
            return False
        found = band(values, bounded=self.share and is_bounded(values))
        return found.low is not None and found.high is not None and found.high - found.low <= self.width


def _missing(
    outline: Outline, store: Store, points: Iterable[int], numbers: range, counted: Counted
) -> Iterator[Item | Block]:
    """One item for each system of which the store lacks a run, and blocks of systems for tests over arrays."""
    systems = ((point, number) for point in points for number in numbers)
    while some := list(islice(systems, max(1, AT_ONCE // outline.each))):
        runs = [list(outline.runs(point, number)) for point, number in some]
        keys = {run: outline.key(run) for those in runs for run in those}
        missing = store.missing(list(keys.values()))
        counted.known(len(keys) - len(missing))
        tested: dict[int, list[Run]] = {point: [] for point, _ in some}
        for (point, number), those in zip(some, runs, strict=True):
            wanted = tuple(run for run in those if keys[run] in missing)
            simulated = tuple(run for run in wanted if not outline.is_test(run.policy))
            if simulated:
                yield Item(point, number, simulated)
            tested[point] += [run for run in wanted if outline.is_test(run.policy)]
        yield from (Block(point, tuple(tests)) for point, tests in tested.items() if tests)
