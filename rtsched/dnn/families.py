"""Families of variants out of the catalogue: accuracy and times of one network at several widths, sizes, precisions."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rtsched import units
from rtsched.dnn.shares import by_macs, can_be_shared
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.document import cut, read_text
from rtsched.model.tables import scaled
from rtsched.model.variants import Choice, Variants

if TYPE_CHECKING:
    from rtsched.dnn.lowering import Lowering

#: The columns of a table of variants that must be there; ``mmacs``, ``params_m``, ``relative_time``, ``threads`` and
#: ``note`` may be, and any others are passed over.
COLUMNS = (
    "family", "network", "knob", "value", "metric", "accuracy", "latency_ms", "platform", "processor", "status",
    "source",
)  # fmt: skip
#: What the metrics of the tables count, whatever the data set: longer names before those that they end with.
MEASURES = ("top1", "miou", "pixel_accuracy", "map50_95", "map", "delta1")
KNOBS = ("width", "resolution", "width/resolution", "subnet", "precision")
How = Literal["staircase", "monotone"]


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One row of a table of variants, checked: a variant, and its time in ns on one processor (or none)."""

    path: Path
    line: int
    family: str
    network: str
    knob: str
    value: str
    metric: str
    accuracy: float | None
    mmacs: float | None
    params_m: float | None
    time: int | None
    relative_time: float | None
    platform: str
    processor: str
    threads: int
    status: str
    source: str
    note: str

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.path}:{self.line}"

    @property
    def facts(self) -> tuple[object, ...]:
        """What all rows of one variant must agree on."""
        return self.network, self.accuracy, self.mmacs, self.params_m, self.relative_time


@dataclass(frozen=True)
class FamilyVariant:
    """One way of running a network.

    `accuracy` is a fraction, `mmacs` millions of multiply-accumulates, `times` ns per processor (a cluster or a kind),
    `threads` how many threads those times took, `relative_time` the share of the full network's time; None or absent
    where not known. `notes` say what is derived, bounded or assumed. `interpolated`: between two measured ones.
    """

    value: str
    network: str
    accuracy: float | None = None
    mmacs: float | None = None
    params_m: float | None = None
    times: Mapping[str, int] = field(default_factory=dict)
    threads: Mapping[str, int] = field(default_factory=dict)
    relative_time: float | None = None
    notes: tuple[str, ...] = ()
    interpolated: bool = False


@dataclass(frozen=True)
class Family:
    """A named set of variants; `rows` stand in the order of the table, `metric` says what the accuracy counts."""

    name: str
    knob: str
    metric: str
    rows: tuple[VariantRow, ...]

    @property
    def title(self) -> str:
        """A line that says what varies, over which values, and judged by what."""
        values = list(dict.fromkeys(row.value for row in self.rows))
        shown = ", ".join(values[:6]) + (", …" if len(values) > 6 else "")
        judged = self.metric if any(row.accuracy is not None for row in self.rows) else "accuracy not known"
        return f"{self.knob} {shown} ({judged})"

    @property
    def relative(self) -> bool:
        """Whether it has shares of a task's own time, and so runs anywhere."""
        return any(row.relative_time is not None for row in self.rows)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it has times for, sorted."""
        return tuple(sorted({row.platform for row in self.rows if row.time is not None}))

    def variants(self, platforms: Sequence[str] = ()) -> tuple[FamilyVariant, ...]:
        """The variants with times on a platform, given by its name and aliases (the first that has a time counts).

        Without a platform all variants, without times. A family that only has relative times has them everywhere.
        InputError if it has no times on the platform.
        """
        if platforms and not self.relative and not set(platforms) & set(self.platforms):
            known = ", ".join(self.platforms)
            hint = f"it has on {known}" if known else "it has on none; give each choice a 'wcet' instead"
            if can_be_shared(self):
                hint += ", or the task its own 'wcet' or 'network', whose shares are then estimated"
            raise InputError(f"family {cut(self.name)!r} has no times on {cut(platforms[0])!r}; {hint}")
        rows: dict[str, list[VariantRow]] = {}
        for row in self.rows:
            rows.setdefault(row.value, []).append(row)
        found = [_variant(each, platforms) for each in rows.values()]
        return tuple(each for each in found if each.times or each.relative_time is not None or not platforms)

    def between(self, value: float, how: How = "staircase", platforms: Sequence[str] = ()) -> FamilyVariant:
        """The variant at a value of the knob that was perhaps not measured; measured ones are returned as they are.

        ``staircase`` is the safe side: the worse accuracy and the longer time of the two measured neighbours.
        ``monotone`` lies on the straight line between them: it never leaves their range, and rises and falls only where
        the measured points do. InputError outside the measured range, and if the values are no plain numbers.
        """
        if how not in ("staircase", "monotone"):
            raise InputError(f"{cut(str(how))!r} is no way between variants; write 'staircase' or 'monotone'")
        points = sorted(((self._number(each.value), each) for each in self.variants(platforms)), key=lambda at: at[0])
        if not points[0][0] <= value <= points[-1][0]:  # also refuses what is no number (nan)
            raise InputError(
                f"family {cut(self.name)!r} was measured from {points[0][1].value} to {points[-1][1].value}, not at "
                f"{value:g}; choose a value in that range"
            )
        upper = next(index for index, (number, _) in enumerate(points) if number >= value)
        if points[upper][0] == value:
            return points[upper][1]
        (low, below), (high, above) = points[upper - 1], points[upper]
        mixed = _between(below, above, None if how == "staircase" else (value - low) / (high - low), f"{value:g}", how)
        if (below.times or above.times) and not mixed.times:
            raise InputError(
                f"family {cut(self.name)!r}: no processor has times at both {below.value} and {above.value}; choose a "
                "measured value"
            )
        return mixed

    def _number(self, value: str) -> float:
        try:
            return float(value)
        except ValueError:
            raise InputError(
                f"family {cut(self.name)!r} has no values between the measured ones: {self.knob} {cut(value)!r} is no "
                "plain number; choose measured values"
            ) from None


def _variant(rows: Sequence[VariantRow], platforms: Sequence[str]) -> FamilyVariant:
    """The variant that these rows are about."""
    first = rows[0]
    timed: dict[str, VariantRow] = {}
    for platform in platforms:
        for row in rows:
            if row.platform == platform and row.time is not None:
                timed.setdefault(row.processor, row)
    notes = [first.note] if first.note else []
    for processor, row in timed.items():
        if row.status != "measured":
            notes.append(f"times on {processor} are {row.status} ({row.source})")
        if row.threads > 1:
            notes.append(f"times on {processor} were measured with {row.threads} threads")
    return FamilyVariant(
        value=first.value,
        network=first.network,
        accuracy=first.accuracy,
        mmacs=first.mmacs,
        params_m=first.params_m,
        times={processor: row.time for processor, row in timed.items() if row.time is not None},
        threads={processor: row.threads for processor, row in timed.items()},
        relative_time=first.relative_time,
        notes=tuple(notes),
    )


def _between(below: FamilyVariant, above: FamilyVariant, share: float | None, value: str, how: str) -> FamilyVariant:
    """The variant at `share` of the way from `below` to `above`; None: the worse of both in everything."""

    def cost(low: float | None, high: float | None) -> float | None:
        if low is None or high is None:
            return None
        return max(low, high) if share is None else _line(low, high, share)

    accuracy = cost(below.accuracy, above.accuracy)
    if share is None and below.accuracy is not None and above.accuracy is not None:
        accuracy = min(below.accuracy, above.accuracy)
    shared = [name for name in below.times if name in above.times and below.threads[name] == above.threads[name]]
    return FamilyVariant(
        value=value,
        network=below.network,
        accuracy=accuracy,
        mmacs=cost(below.mmacs, above.mmacs),
        params_m=cost(below.params_m, above.params_m),
        times={name: round(cost(below.times[name], above.times[name]) or 0) for name in shared},
        threads={name: below.threads[name] for name in shared},
        relative_time=cost(below.relative_time, above.relative_time),
        notes=(
            *dict.fromkeys(below.notes + above.notes),
            f"{value} lies between {below.value} and {above.value}: {how}",
        ),
        interpolated=True,
    )


def _line(low: float, high: float, share: float) -> float:
    """The point at `share` of the way, inside the ends whatever the rounding."""
    return min(max(low + (high - low) * share, min(low, high)), max(low, high))


# ---- reading ---------------------------------------------------------------------------------------------------------


def variant_rows(tell: Callable[[InputError], None] | None = None) -> list[VariantRow]:
    """All rows of all ``platforms/variants.csv``, the user's own first; InputError names file and line, or is told."""
    rows: list[VariantRow] = []
    for path in (folder / "variants.csv" for folder in catalogue.folders("platforms")):
        if path.is_file():
            try:
                rows += list(read_variants(path))
            except InputError as error:
                if tell is None:
                    raise
                tell(error)
    return rows


def read_variants(path: Path) -> Iterator[VariantRow]:
    """The rows of one table, checked one by one."""
    yield from _read(path, read_text(path))


def _read(path: Path, text: str) -> Iterator[VariantRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1:1: column {missing[0]!r} is missing; add it")
        for cells in reader:
            if None in cells:
                place = f"{path}:{reader.line_num}"
                raise InputError(f"{place}: more cells than columns; put text with commas in double quotes")
            yield _row(path, reader.line_num, cells)
    except csv.Error as error:
        raise InputError(f"{path}:{reader.reader.line_num}: cannot be read as CSV: {error}; check its quotes") from None


def _row(path: Path, line: int, cells: Mapping[str, str]) -> VariantRow:
    place = f"{path}:{line}"
    for column in ("family", "value"):
        if not cells[column]:
            raise InputError(f"{place}: {column}: is empty; every row names its family and its value")
    if cells["knob"] not in KNOBS:
        raise InputError(f"{place}: knob: {cut(cells['knob'])!r} is not known; write one of {', '.join(KNOBS)}")
    time: int | None = None
    if cells["latency_ms"]:
        try:
            time = scaled(cells["latency_ms"], units.MS)
        except ValueError as error:
            raise InputError(f"{place}: latency_ms: {error}; write milliseconds, e.g. 4.2") from None
        if time <= 0:
            raise InputError(f"{place}: latency_ms: must be positive (got {cut(cells['latency_ms'])!r})")
    if not bool(time) == bool(cells["platform"]) == bool(cells["processor"]):
        raise InputError(f"{place}: latency_ms, platform and processor belong together; fill in all three or none")
    return VariantRow(
        path=path,
        line=line,
        **{name: cells[name] for name in ("family", "network", "knob", "value", "metric", "platform", "processor")},
        **{name: cells.get(name, "") for name in ("status", "source", "note")},
        accuracy=_number(place, "accuracy", cells, 0, 1, "a fraction from 0 to 1, e.g. 0.718"),
        mmacs=_number(place, "mmacs", cells, 0, 1e12, "millions of multiply-accumulates, e.g. 300"),
        params_m=_number(place, "params_m", cells, 0, 1e12, "millions of parameters, e.g. 3.47"),
        time=time,
        relative_time=_number(place, "relative_time", cells, 1e-9, 1, "a share of the full time, e.g. 0.62"),
        threads=int(_number(place, "threads", cells, 1, 4096, "a number of threads, e.g. 4") or 1),
    )


def _number(place: str, column: str, cells: Mapping[str, str], least: float, most: float, wanted: str) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise InputError(f"{place}: {column}: must be {wanted} (got {cut(text)!r})")
    return number


def load_families(rows: Sequence[VariantRow]) -> dict[str, Family]:
    """All families by name, sorted. A family in a table further up (the user's own) hides one of the same name below.

    InputError, with file and line, where rows of a family contradict each other.
    """
    groups: dict[str, list[VariantRow]] = {}
    for row in rows:
        group = groups.setdefault(row.family, [])
        if not group or group[0].path == row.path:
            group.append(row)
    return {name: _family(name, groups[name]) for name in sorted(groups)}


def _family(name: str, rows: Sequence[VariantRow]) -> Family:
    first = rows[0]
    facts: dict[str, VariantRow] = {}
    timed: dict[tuple[str, str, str], VariantRow] = {}
    for row in rows:
        if (row.knob, row.metric) != (first.knob, first.metric):
            raise InputError(
                f"{row.place}: family {cut(name)!r} has one knob and one metric: those of line {first.line}"
            )
        known = facts.setdefault(row.value, row)
        if known.facts != row.facts:
            raise InputError(
                f"{row.place}: value {cut(row.value)!r} of family {cut(name)!r} differs from line {known.line} in more "
                "than its time; make network, accuracy, mmacs, params_m and relative_time equal"
            )
        twin = timed.setdefault((row.value, row.platform, row.processor), row)
        if twin is not row:
            raise InputError(
                f"{row.place}: value {cut(row.value)!r} of family {cut(name)!r} stands in line {twin.line}, too, for "
                "the same processor; keep one"
            )
    return Family(name, first.knob, first.metric, tuple(rows))


def known_families() -> Mapping[str, Family]:
    """All families of the catalogue by name, sorted, as `load_families` has them."""
    paths = (folder / "variants.csv" for folder in catalogue.folders("platforms"))
    return _families(tuple((path, read_text(path)) for path in paths if path.is_file()))


@lru_cache(maxsize=8)
def _families(tables: tuple[tuple[Path, str], ...]) -> Mapping[str, Family]:
    """The families in the texts of tables: what is the same text is read once, which takes some 50 ms."""
    return load_families([row for path, text in tables for row in _read(path, text)])


# ---- the variants of a task ------------------------------------------------------------------------------------------


def measure(metric: str) -> str:
    """What a metric counts, on whatever data: ``miou`` of ``cityscapes_miou``; an unknown metric is its own measure."""
    return next((known for known in MEASURES if metric.endswith(known)), metric)


def choices_of(lowering: Lowering, what: str, variants: Variants, own: bool) -> tuple[tuple[Choice, ...], str]:
    """The choices of a task whose variants are a family, and their measure.

    They have times of the platform, else shares of the task's `own` time (where it has one): measured shares, or such
    as are estimated from multiply-accumulates.
    """
    families = known_families()
    name = variants.family or ""
    family = families.get(name)
    if family is None:
        close = difflib.get_close_matches(name[:100], families, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "`rtsched list families` names them"
        raise InputError(f"{what}: no family is called {cut(name)!r}; {hint}")
    platforms = (lowering.platform.name, *lowering.platform.aliases)
    if own and not family.relative and not set(platforms) & set(family.platforms) and can_be_shared(family):
        family, note = by_macs(family)
        lowering.assume(f"{name}: {note}")
        lowering.rests("modelled", f"variants of {name}: shares of the task's time, estimated")
    try:
        known = family.variants(platforms)
        if variants.values is not None:
            known = tuple(_select(family, known, value, variants, platforms) for value in variants.values)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    for variant in known:
        for note in variant.notes:
            lowering.assume(f"{name}: {note}")
    return tuple(_choice(lowering, what, name, variant) for variant in known), measure(family.metric)


def _select(
    family: Family, known: Sequence[FamilyVariant], value: str | float, variants: Variants, platforms: Sequence[str]
) -> FamilyVariant:
    """The variant at a value that a file names, as text or as a number."""
    number = _as_number(value)
    for variant in known:
        if variant.value == value or (number is not None and _as_number(variant.value) == number):
            return variant
    if variants.between == "none" or number is None:
        have = ", ".join(variant.value for variant in known[:12]) + (", …" if len(known) > 12 else "")
        raise InputError(
            f"family {family.name!r} has no value {cut(str(value))!r} here; it has {have}"
            + ("; or say how to go between them: 'between: staircase'" if number is not None else "")
        )
    return family.between(number, variants.between, platforms)


def _as_number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _choice(lowering: Lowering, what: str, name: str, variant: FamilyVariant) -> Choice:
    if variant.times:
        lowering.rests("typical", f"variants of {name}: typical times{lowering.times}, no larger ones are known")
    elif variant.relative_time != 1:
        lowering.rests("typical", f"variants of {name}: typical shares of the full network's time")
    if not variant.times:
        return Choice(name=variant.value, accuracy=variant.accuracy, scale=variant.relative_time)
    wcet: dict[str, int] = {}
    for processor, time in variant.times.items():
        cluster = _cluster(lowering, processor)
        single = None if cluster is None else _single(lowering, cluster, time, variant.threads[processor])
        if cluster is not None and single is not None:
            wcet[cluster] = lowering.longer(single)
    if not wcet:
        have = ", ".join(
            f"{where} ({count} threads)" if count > 1 else where for where, count in variant.threads.items()
        )
        raise InputError(
            f"{what}: family {name!r} at {variant.value} has times for {have}, and {lowering.platform.name!r} has "
            "no such cluster; take a platform whose CPU cluster is one server with 'threads', or give choices a 'wcet'"
        )
    return Choice(name=variant.value, accuracy=variant.accuracy, wcet=wcet)


def _cluster(lowering: Lowering, processor: str) -> str | None:
    """The cluster of a row: itself, or the only one of its kind (of several it is not known which one ran)."""
    if processor in lowering.where.members:
        return processor
    clusters = {lowering.processors[place].cluster for place in lowering.where.kinds.get(processor, ())}
    return clusters.pop() if len(clusters) == 1 else None


def _single(lowering: Lowering, cluster: str, time: int, threads: int) -> int | None:
    """The time as a 'wcet' has it, of one thread; None if several threads ran and the cluster's cores serve alone."""
    if threads == 1:
        return time
    unit = lowering.where.unit_of.get(lowering.where.members[cluster][0])
    table = None if unit is None else unit.description.threads
    return None if table is None or threads not in table else round(time * table[threads])
