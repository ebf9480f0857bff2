"""Random systems against every theorem: what a simulation does must never beat what a proof says.

Each system has its own seed, made from the fuzzer's seed and its number, so that results depend neither on the number
of processes nor on what came before.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from rtsched import __version__
from rtsched.errors import InputError
from rtsched.files import write_whole
from rtsched.model.config import parse_yaml, validate
from rtsched.model.document import cut, read_text
from rtsched.model.system import System
from rtsched.model.taskgraph import SystemSpec
from rtsched.verify import documents, replay
from rtsched.verify.draw import Draw
from rtsched.verify.examine import TheoremTally, Violation, examine
from rtsched.verify.generate import FAMILIES, random_system
from rtsched.verify.pencil import WEIGHTS, Document
from rtsched.verify.shrink import greedily, shrink

#: Systems a process looks at before it reports.
CHUNK = 10
#: Seconds after which systems that a process still looks at are given up: a thousand times what they take.
PATIENCE = 600.0
#: How many times more patterns are tried while a system is shrunk, since a smaller one draws others.
EFFORT = 3
#: Violations of different statements that are shrunk.
MOST_SHRUNK = 12
#: What a replay file says it is.
FORMAT = "rtsched fuzz-soundness 2"
#: Every kind of system, as often as it is drawn: lowered ones by family, files by what they are drawn around.
KINDS = [name for name, (_, weight) in FAMILIES.items() for _ in range(2 * weight)]
KINDS += [name for name, weight in WEIGHTS.items() for _ in range(weight)]


class Drawn(NamedTuple):
    """A random system with its scheduler, the seed of its patterns, and the document it was lowered from, if any."""

    system: SystemSpec
    scheduler: dict[str, Any]
    seed: int
    document: Document | None = None


@dataclass(frozen=True)
class Found:
    """A violation and the system it was met in, shrunk where `small` is set; `seed` is that of its patterns."""

    number: int
    seed: int
    violation: Violation
    system: SystemSpec
    scheduler: dict[str, Any]
    small: bool = False
    document: Document | None = None

    @property
    def yaml(self) -> str:
        """The system as a file that a person can read and run."""
        if self.document is None:
            return replay.to_yaml(self.system, self.scheduler)
        return replay.document_yaml(self.document)

    def to_dict(self) -> dict[str, Any]:
        """A replay file: the system twice, to be read back and to be read."""
        violation = self.violation
        return {
            "format": FORMAT,
            "version": __version__,
            "number": self.number,
            "seed": self.seed,
            "shrunk": self.small,
            "theorem": violation.theorem,
            "kind": violation.kind,
            "task": violation.task,
            "claimed_ns": violation.claimed,
            "observed_ns": violation.observed,
            "pattern": violation.pattern,
            "text": str(violation),
            "scheduler": self.scheduler,
            "system": replay.dump(self.system) if self.document is None else None,
            "document": self.document,
            "yaml": self.yaml,
        }


@dataclass
class Campaign:
    """What a run of the fuzzer found: sums per theorem, verdicts, and violations in the order of the systems."""

    seed: int
    systems: int = 0
    runs: int = 0
    jobs: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, TheoremTally] = field(default_factory=dict)
    violated: dict[str, int] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    interrupted: bool = False

    def add(self, other: Campaign) -> None:
        """Count another one in; of each statement the first violation is kept."""
        self.systems += other.systems
        self.runs += other.runs
        self.jobs += other.jobs
        for verdict, count in other.verdicts.items():
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + count
        for name, tally in other.tallies.items():
            self.tallies.setdefault(name, TheoremTally()).add(tally)
        for name, count in other.violated.items():
            self.violated[name] = self.violated.get(name, 0) + count
        known = {found.violation.key for found in self.found}
        self.found += [found for found in other.found if found.violation.key not in known]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: without clock or path, so that two runs can be compared."""
        return {
            "format": 1,
            "version": __version__,
            "seed": self.seed,
            "systems": self.systems,
            "interrupted": self.interrupted,
            "simulations": self.runs,
            "jobs": self.jobs,
            "verdicts": dict(sorted(self.verdicts.items())),
            "theorems": {name: self.tallies[name].to_dict() for name in sorted(self.tallies)},
            "violated": dict(sorted(self.violated.items())),
            "violations": [found.to_dict() for found in self.found],
        }


def case(seed: int, number: int, kind: str | None = None) -> Drawn:
    """System number so of the run with this seed (of one family or focus), and the seed of its patterns."""
    first, second = np.random.SeedSequence([seed, number]).spawn(2)
    random = np.random.default_rng(first)
    own = int(second.generate_state(1, np.uint64)[0]) >> 1
    kind = kind or KINDS[int(random.integers(0, len(KINDS)))]
    if kind in FAMILIES:
        return Drawn(*random_system(random, kind), own)
    document, found = documents.random_document(Draw(random), kind)
    return Drawn(*found, own, document)


def look(seed: int, number: int, kind: str | None = None) -> Campaign:
    """One system."""
    try:
        system, scheduler, own, document = case(seed, number, kind)
    except documents.CrashError as crash:
        return _crashed(seed, number, crash)
    seen = examine(system, scheduler, own)
    campaign = Campaign(seed, 1, seen.runs, seen.jobs, {seen.verdict: 1}, seen.tallies)
    for violation in seen.violations:
        name = f"{violation.theorem} ({violation.kind})"
        campaign.violated[name] = campaign.violated.get(name, 0) + 1
        campaign.found.append(Found(number, own, violation, system, scheduler, document=document))
    return campaign


def _crashed(seed: int, number: int, crash: documents.CrashError) -> Campaign:
    """The campaign over a file that was neither lowered nor refused, made as small as it goes."""

    def fails(document: Document) -> bool:
        try:
            documents.lowered(document)
        except documents.CrashError as other:
            return other.kind == crash.kind
        return False

    violation = Violation(f"lowering: {crash.kind}", "crash", text=str(crash))
    small = greedily(crash.document, documents.smaller, documents.weight, fails)
    nothing = SystemSpec((), ())
    return Campaign(
        seed,
        1,
        violated={f"{violation.theorem} (crash)": 1},
        found=[Found(number, 0, violation, nothing, {}, small=True, document=small)],
    )


def look_at(seed: int, first: int, count: int) -> Campaign:
    """Several systems in a row: what one process does at a time."""
    campaign = Campaign(seed)
    for number in range(first, first + count):
        campaign.add(look(seed, number))
    return campaign


def fuzz(
    *,
    seed: int = 0,
    systems: int | None = None,
    minutes: float = 1.0,
    jobs: int | None = None,
    progress: Callable[[Campaign], None] | None = None,
    keep_partial: bool = False,
) -> Campaign:
    """Look at `systems` systems, or at as many as fit into `minutes`, with `jobs` processes; then shrink.

    With `systems` the campaign is the same for every number of processes. With `keep_partial` a KeyboardInterrupt ends
    the search, and what was found so far is reported as it is.
    """
    workers = (os.cpu_count() or 1) if jobs is None else jobs
    end = None if systems is not None else time.monotonic() + 60 * minutes
    chunks: dict[int, Campaign] = {}
    total = Campaign(seed)
    whole = Campaign(seed)
    try:
        for first, campaign in (_alone if workers <= 1 else _spread)(seed, systems, end, workers):
            chunks[first] = campaign
            if progress is not None:
                total.add(campaign)
                progress(total)
    except KeyboardInterrupt:
        if not keep_partial:
            raise
        whole.interrupted = True
    for first in sorted(chunks):
        whole.add(chunks[first])
    if whole.interrupted:
        return whole
    whole.found = [smallest(found) if place < MOST_SHRUNK else found for place, found in enumerate(whole.found)]
    return whole


def _chunks(systems: int | None, end: float | None) -> Iterator[tuple[int, int]]:
    """First system and number of systems of each piece of work, until there are enough or time is over."""
    first = 0
    while (systems is None or first < systems) and (end is None or time.monotonic() < end):
        count = CHUNK if systems is None else min(CHUNK, systems - first)
        yield first, count
        first += count


def _alone(seed: int, systems: int | None, end: float | None, _workers: int) -> Iterator[tuple[int, Campaign]]:
    for first, count in _chunks(systems, end):
        yield first, look_at(seed, first, count)


def _spread(seed: int, systems: int | None, end: float | None, workers: int) -> Iterator[tuple[int, Campaign]]:
    """The same in several processes, a few pieces ahead; what does not come back is named."""
    todo = _chunks(systems, end)
    running: dict[Future[Campaign], tuple[int, int]] = {}
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(workers, initializer=end_silently) as pool:
        try:
            while True:
                while len(running) < 2 * workers and (piece := next(todo, None)) is not None:
                    running[pool.submit(look_at, seed, *piece)] = piece
                if not running:
                    return
                done, _ = wait(running, PATIENCE, FIRST_COMPLETED)
                if not done:
                    for process in multiprocessing.active_children():
                        if process not in others:
                            process.kill()
                    yield from ((first, _hung(seed, first, count)) for first, count in running.values())
                    return
                for future in done:
                    yield running.pop(future)[0], future.result()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def end_silently() -> None:
    """An interrupt ends a worker at once and without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _hung(seed: int, first: int, count: int) -> Campaign:
    """The campaign over systems that nobody came back from."""
    text = f"no answer within {PATIENCE:.0f} s from the systems {first} to {first + count - 1}, or those before them"
    violation = Violation("examine: hang", "crash", text=text)
    found = Found(first, 0, violation, SystemSpec((), ()), {}, small=True)
    return Campaign(seed, violated={"examine: hang (crash)": 1}, found=[found])


# ---- shrinking and replay --------------------------------------------------------------------------------------------


def broken(found: Found, system: SystemSpec, scheduler: dict[str, Any], effort: int = EFFORT) -> Violation | None:
    """The violation of the same statement in another system, if there is one."""
    key = found.violation.key
    seen = examine(system, scheduler, found.seed, target=key, effort=effort)
    return next((violation for violation in seen.violations if violation.key == key), None)


def smallest(found: Found) -> Found:
    """The same violation in the smallest system."""
    if found.small:
        return found
    if found.document is not None:
        return _smallest_document(found, found.document)

    def fails(system: SystemSpec, scheduler: dict[str, Any]) -> bool:
        return broken(found, system, scheduler) is not None

    best = shrink(found.system, found.scheduler, fails)
    violation = broken(found, *best) or found.violation
    return Found(found.number, found.seed, violation, *best, small=True)


def _smallest_document(found: Found, document: Document) -> Found:
    def fails(candidate: Document) -> bool:
        case = documents.lowered(candidate)
        return case is not None and broken(found, *case) is not None

    best = greedily(document, documents.smaller, documents.weight, fails)
    case = documents.lowered(best)
    assert case is not None
    violation = broken(found, *case) or found.violation
    return Found(found.number, found.seed, violation, *case, small=True, document=best)


def write(found: Found, folder: Path) -> Path:
    """A replay file of a violation."""
    name = re.sub(r"\W+", "-", found.violation.theorem)
    path = folder / f"soundness-{name}-{found.violation.kind}-{found.number}.json"
    write_whole(path, json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> Found:
    """A violation out of a replay file. Raises InputError."""
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{path}: is no replay file of fuzz-soundness")
    try:
        names = ("theorem", "kind", "task", "claimed_ns", "observed_ns", "pattern", "text")
        violation = TypeAdapter(Violation).validate_python({name.removesuffix("_ns"): document[name] for name in names})
        described = document["document"]
        if described is None:
            case = replay.load(document["system"]), document["scheduler"]
            validate(System, parse_yaml(replay.to_yaml(*case), str(path)))  # no stranger than a file may be
        else:
            lowered = documents.lowered(described)
            if lowered is None:
                raise InputError(f"{path}: its system is refused now; see it with rtsched validate")
            case = lowered
        number, seed, small = document["number"], document["seed"], document["shrunk"]
        if not (isinstance(number, int) and isinstance(seed, int) and 0 <= seed < 2**63):
            raise InputError(f"{path}: its number and its seed must be whole numbers, the seed zero or more")
        return Found(number, seed, violation, *case, bool(small), described)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is no complete replay file: {cut(str(error), 300)}") from None


def again(path: Path) -> tuple[Found, Violation | None]:
    """Look at the system of a replay file again: what was found, and what is found now."""
    found = read(path)
    return found, broken(found, found.system, found.scheduler)
