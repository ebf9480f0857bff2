"""Where work may run and how long it takes there: the processors of a platform by name, and times as files give them.

A platform may have ten thousand cores, nearly all alike. So places go by ranges of them wherever that is possible, and
a time is worked out once for each range of equal processors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, groupby

from rtsched.errors import InputError
from rtsched.model.platform import Platform
from rtsched.model.taskgraph import ProcessorSpec, UnitSpec
from rtsched.model.work import ANY, Work

#: A time in ns per processor; None where there is none.
Times = list[int | None]


class Places:
    """The processors of a platform by their own names (`names`), clusters (`members`) and kinds (`kinds`)."""

    def __init__(self, platform: Platform, processors: Sequence[ProcessorSpec], units: Iterable[UnitSpec]) -> None:
        self.platform = platform
        self.processors = processors
        self.unit_of = {place: unit for unit in units for place in unit.processors}
        self.names = {processor.name: processor.index for processor in processors}
        self.members: dict[str, list[int]] = {}
        self.kinds: dict[str, list[int]] = {}
        for processor in processors:
            self.members.setdefault(processor.cluster, []).append(processor.index)
            if processor.kind != "link":
                self.kinds.setdefault(processor.kind, []).append(processor.index)
        anywhere = self.kinds.get("cpu") or [place for kind in self.kinds.values() for place in kind]
        #: where a plain time holds
        self.anywhere = list(self._alike(anywhere))
        self.alike = {name: list(self._alike(places)) for name, places in (self.kinds | self.members).items()}
        self.gpus = {place: unit.block_level for place, unit in self.unit_of.items() if unit.block_level is not None}
        #: the CPU clusters that are one server, and so know a speed-up
        self.threaded = [place for place, unit in self.unit_of.items() if unit.description.threads is not None]

    def _alike(self, places: Iterable[int]) -> Iterator[range]:
        """Places as ranges of neighbours of one cluster and one speed."""
        for _, group in groupby(enumerate(places), lambda item: (item[1] - item[0], *self._rate(item[1]))):
            own = [place for _, place in group]
            yield range(own[0], own[-1] + 1)

    def _rate(self, place: int) -> tuple[str, Fraction]:
        return self.processors[place].cluster, self.processors[place].speed

    def of(self, what: str, name: str) -> list[int]:
        """The processors called `name`: a processor, a cluster or a kind."""
        if name in self.members:
            return self.members[name]
        if name in self.names:
            return [self.names[name]]
        if name in self.kinds:
            return self.kinds[name]
        raise InputError(
            f"{what}: {name!r} is no processor, cluster or kind of {self.platform.name!r}; "
            f"known: {', '.join(dict.fromkeys([*self.members, *self.kinds]))}"
        )

    def ranges(self, what: str, name: str) -> list[range]:
        """The processors called `name` in ranges of equal ones."""
        places = self.of(what, name)
        if name in self.names and name not in self.members:
            return [range(places[0], places[0] + 1)]
        return self.alike[name]

    def exact(self, name: str) -> bool:
        """Whether `name` is that of a processor or a cluster, which says more than a kind."""
        return name in self.members or name in self.names

    # ---- where ---------------------------------------------------------------------------------------------------

    def allowed(self, what: str, work: Work) -> set[int]:
        """The processors that `pin` and `processors` leave."""
        return set(chain.from_iterable(self._allowed(what, work)))

    def usable(self, what: str, work: Work, times: Times) -> Times:
        """The times on the processors that `pin` and `processors` leave, None on all others."""
        if work.pin is None and work.processors is None:
            return times
        left: Times = [None] * len(times)
        for places in self._allowed(what, work):
            left[places.start : places.stop] = times[places.start : places.stop]
        return left

    def _allowed(self, what: str, work: Work) -> list[range]:
        if work.pin is not None:
            place = self.names.get(work.pin)
            if place is None and len(self.members.get(work.pin, ())) == 1:
                place = self.members[work.pin][0]
            if place is None:
                raise InputError(f"{what}: pin {work.pin!r} is no processor; known: {', '.join(self.names)}")
            return [range(place, place + 1)]
        if work.processors is None:
            return [range(len(self.processors))]
        return [places for name in work.processors for places in self.ranges(what, name)]

    # ---- how long ------------------------------------------------------------------------------------------------

    def given(self, what: str, work: Work) -> Times:
        """The execution times that a file gives, at each processor's speed and with the threads it may use."""
        times: Times = [None] * len(self.processors)
        for places, _, scaled, _ in self._written(what, work):
            times[places.start : places.stop] = [scaled] * len(places)
        for place in self.threaded:
            time = times[place]
            if time is not None:
                times[place] = self._sped_up(what, time, place, work.threads)
        return times

    def written(self, what: str, work: Work) -> Times:
        """The execution times as a file writes them, before speeds and threads are put in."""
        times: Times = [None] * len(self.processors)
        for places, time, _, _ in self._written(what, work):
            times[places.start : places.stop] = [time] * len(places)
        return times

    def keys(self, what: str, work: Work) -> list[str | None]:
        """The key of `wcet` whose time holds on each processor; None where none does."""
        found: list[str | None] = [None] * len(self.processors)
        for places, _, _, name in self._written(what, work):
            found[places.start : places.stop] = [name] * len(places)
        return found

    def _written(self, what: str, work: Work) -> Iterator[tuple[range, int, int, str]]:
        """Ranges of processors with a time as written, what it is at their speed, and its key; the last one holds.

        A processor's time beats its cluster's beats its kind's beats the plain one.
        """
        assert work.wcet is not None
        plain = work.wcet.get(ANY)
        if plain is not None:
            yield from ((places, plain, self._scaled(plain, places.start), ANY) for places in self.anywhere)
        named = [(name, time, self.ranges(what, name)) for name, time in work.wcet.items() if name != ANY]
        for exact in (False, True):  # kinds first, then clusters and processors, which are more exact
            for name, time, ranges in named:
                if self.exact(name) == exact:
                    for places in ranges:
                        scaled = self._relative(time, places.start, name) if exact else self._scaled(time, places.start)
                        yield places, time, scaled, name

    def _sped_up(self, what: str, time: int, place: int, threads: int | None) -> int:
        """A one-thread time on a CPU cluster that is one server, with its measured speed-up."""
        table = self.unit_of[place].description.threads
        assert table is not None
        count = max(table) if threads is None else threads
        if count not in table:
            raise InputError(
                f"{what}: {self.processors[place].name} has no speed-up for {count} threads; "
                f"it has for {', '.join(map(str, sorted(table)))}"
            )
        return max(1, round(time / table[count]))

    def _scaled(self, time: int, place: int, reference: Fraction | None = None) -> int:
        """A time written for a `reference` speed (default: 1) on a processor of another speed, rounded up."""
        speed = self.processors[place].speed if reference is None else self.processors[place].speed / reference
        return -(-time * speed.denominator // speed.numerator)

    def _relative(self, time: int, place: int, name: str) -> int:
        """A time written for a cluster holds for its `speed`; cores with speeds of their own scale from there."""
        processor = self.processors[place]
        if name == processor.name and name not in self.members:
            return time
        cluster = self.platform.processors.get(processor.cluster)
        return self._scaled(time, place, Fraction(1 if cluster is None else cluster.speed))
