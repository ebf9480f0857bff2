"""What a database says of its study: its points, policies and seeds, and by which key a run of it is found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rtsched import __version__
from rtsched.errors import InputError
from rtsched.metrics.metric import SHARE, Better, Metric, of_value

#: The values of a proof, which no run has: shares of systems.
PROOFS = ("proven", "refuted")
#: The axes that weighted schedulability sums up over, and the metrics that say whether a system is accepted.
LOADS = ("generate.utilisation", "generate.total_utilisation")
ACCEPTED = ("no_miss", "proven")
#: (point, policy), by their numbers.
Place = tuple[int, int]


@dataclass(frozen=True)
class Run:
    """One run of a study by its numbers: point, set of the point, policy, seed."""

    point: int
    set: int
    policy: int
    seed: int


@dataclass(frozen=True)
class Outline:
    """The frame of a study as plain data.

    `points` are the axes' values, `contents` fingerprints of what the systems of each point are made of, `policies`
    labels and `fingerprints` theirs; the last `tests` of them are no policies, but tests of a whole set, which need no
    seed. `base` is the fingerprint of all else that a run depends on, rtsched included. `measures` are name, title,
    unit and direction of each metric, so that who has not the code of one can show it.
    """

    name: str
    axes: tuple[str, ...]
    points: tuple[tuple[Any, ...], ...]
    contents: tuple[str, ...]
    policies: tuple[str, ...]
    fingerprints: tuple[str, ...]
    sets: int
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    do: str
    base: str
    study: dict[str, Any]
    tests: int = 0
    measures: tuple[tuple[str, str, str, Better], ...] = ()
    notes: tuple[str, ...] = ()
    version: str = __version__
    code: str = ""
    format: int = 1

    @property
    def total(self) -> int:
        """How many runs there are if nothing is stopped early."""
        return len(self.points) * self.sets * self.each

    @property
    def each(self) -> int:
        """How many runs a system has."""
        return (len(self.policies) - self.tests) * len(self.seeds) + self.tests

    def is_test(self, policy: int) -> bool:
        """Whether this is a test of the whole set, and no policy."""
        return policy >= len(self.policies) - self.tests

    @property
    def digest(self) -> str:
        """A fingerprint of the whole study, printed on what is made of it: the study, its systems and its policies.

        What stands in rtsched's own source is not in it: figures with the same content stay the same, to the byte.
        """
        whole = json.loads(self.to_json())
        return digest({key: value for key, value in whole.items() if key not in ("base", "code")})[:12]

    def owner(self, key: str) -> str | None:
        """The metric of this study that a value belongs to: ``effective_accuracy`` for ``effective_accuracy.miou``."""
        found = [name for name in self.metrics if key == name or key.startswith(f"{name}.")]
        return max(found, key=len, default=None)

    def measure(self, key: str) -> tuple[Metric, str]:
        """The metric that a value belongs to, as the study knew it, and of which thing it is. Raises InputError."""
        if key in PROOFS:
            return Metric(key, key, SHARE, "higher" if key == PROOFS[0] else "lower", _forgotten), ""
        name = self.owner(key)
        for called, title, unit, better in self.measures:
            if called == name:
                return Metric(name, title, unit, better, _forgotten), key[len(name) + 1 :]
        return of_value(key)

    def is_share(self, key: str) -> bool:
        """Whether a value says that it lies between 0 and 1. Raises InputError where nobody knows the metric."""
        return self.measure(key)[0].unit == SHARE

    def runs(self, point: int, number: int) -> Iterator[Run]:
        """The runs of one system of a point."""
        for policy in range(len(self.policies)):
            for seed in self.seeds[:1] if self.is_test(policy) else self.seeds:
                yield Run(point, number, policy, seed)

    def key(self, run: Run) -> bytes:
        """What a run is found by, in this database or any other: 16 bytes that depend on what is run alone."""
        content = self.contents[run.point], run.set, self.fingerprints[run.policy], run.seed
        return hashlib.blake2b(repr((self.base, *content)).encode(), digest_size=16).digest()

    def to_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Outline:
        """The outline in a database. Raises InputError where it is none."""
        try:
            data = {key: _tuples(value) if key != "study" else value for key, value in json.loads(text).items()}
            if data.get("format") == cls.format:
                return cls(**data)
        except (TypeError, ValueError, AttributeError):
            pass
        raise InputError("is of another version of rtsched, or damaged; use that version, or name another file")


def _forgotten(*_: Any) -> None:
    """What measures, in a database: that is not known there."""


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def digest(value: Any) -> str:
    """A fingerprint of plain data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@cache
def code_digest() -> str:
    """A fingerprint of rtsched's own source: rows of another version of it are not mixed in."""
    found = hashlib.blake2b(digest_size=8)
    root = Path(__file__).parent.parent
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
