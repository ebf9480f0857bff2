"""A report out of its JSON form: its digest computed again, and everything proven and simulated again from its data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtsched import __version__, api
from rtsched.errors import InputError
from rtsched.loading import Loaded
from rtsched.model.base import whole_number
from rtsched.model.config import parse_yaml, validate
from rtsched.model.document import read_text
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.report import facts, resolved
from rtsched.report.blocks import Listing
from rtsched.report.canonical import digest
from rtsched.report.content import Report, data_of
from rtsched.report.front import FrontPage
from rtsched.report.section import makers
from rtsched.verify.document import to_dict
from rtsched.verify.verification import Progress, Verification, examine
from rtsched.verify.words import outcome
from rtsched.visible import cut, visible

#: What another version may word, count or order differently, and what is compared with it none the less.
_SAME_VERSION_ONLY = ("version", "parts", "assumptions", "margins", "breakdown", "simulated")
#: What is no answer: the words of the claim, and proposals, for which other boards of the catalogue are tried.
_NEVER = ("version", "scope", "actions", "tried")
#: The sections whose words follow from the answers; the others name files, versions, drawings or other boards.
_PRINTED = ("verdict", "assumptions", "requirements", "tasks", "times", "resources", "open")
#: More differences than this are counted.
MOST = 20


@dataclass(frozen=True)
class Rerun:
    """What came of it: the digest that stands there and the computed one, and each difference in words."""

    system: str
    version: str
    stated: str
    computed: str
    differences: tuple[str, ...]
    found: Verification

    @property
    def untouched(self) -> bool:
        """Whether the data have the digest that they carry."""
        return self.stated == self.computed

    @property
    def confirmed(self) -> bool:
        """Whether digest and answers are those of the report."""
        return self.untouched and not self.differences

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "format": 1,
            "system": self.system,
            "confirmed": self.confirmed,
            "digest": {"stated": self.stated, "computed": self.computed},
            "version": {"report": self.version, "this": __version__},
            "verdict": self.found.verdict,
            "basis": self.found.basis,
            "differences": list(self.differences),
        }


def read(path: Path) -> dict[str, Any]:
    """The data of a report. Raises InputError where the file is none."""
    try:
        data = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: is no JSON ({cut(str(error))}); give what `rtsched report -o report.json` wrote"
        ) from None
    needed = {"digest", "resolved", "report", "scheduler", "seed", "runs", "verdict", "version"}
    missing = sorted(needed - data.keys()) if isinstance(data, dict) else sorted(needed)
    if missing:
        raise InputError(
            f"{path}: is no report ({missing[0]!r} is missing); give what `rtsched report -o report.json` wrote"
        )
    found: dict[str, Any] = data
    return found


def rerun(data: dict[str, Any], progress: Progress | None = None) -> Rerun:
    """Prove and simulate the system of a report again, from the report alone.

    Raises InputError where its data are none that rtsched writes, or need a policy that is not installed here.
    """
    try:
        inputs = data["report"]["inputs"]
        texts = {name: str(inputs[name]) for name in ("system", "platform")}
        stated = str(data["digest"]["sha256"])
    except (KeyError, TypeError) as error:
        raise InputError(f"report: {error} is missing; take the report as rtsched wrote it") from None
    runs, seed = whole_number(data["runs"]), api.checked_seed(data["seed"])
    if runs is None or not 0 <= runs <= 100_000:
        raise InputError(f"report: runs is {cut(repr(data['runs']))}; take the report as rtsched wrote it")
    if not isinstance(data["scheduler"], dict):
        raise InputError("report: scheduler is no mapping; take the report as rtsched wrote it")
    loaded = Loaded(
        validate(System, parse_yaml(texts["system"], "report.inputs.system")),
        validate(Platform, parse_yaml(texts["platform"], "report.inputs.platform")),
    )
    api.scheduler(data["scheduler"], code=False)  # a file may not name code
    system = resolved.load(data["resolved"])
    try:
        found = examine(loaded, system, data["scheduler"], runs, seed, progress)
        again = json.loads(json.dumps(to_dict(found, margins=True)))
    except (LookupError, AssertionError, AttributeError, TypeError) as error:
        raise InputError(
            f"report: 'resolved' does not fit together ({type(error).__name__}: {cut(str(error))}); take the report as "
            "rtsched wrote it"
        ) from error
    other = data["version"] != __version__
    keys = [key for key in again if key not in _NEVER and not (other and key in _SAME_VERSION_ONLY)]
    differences = [line for key in keys for line in _differ(key, data.get(key), again[key], strict=not other)]
    if not other:
        differences += _differ("scope", data.get("scope"), facts.scope(found), strict=True)
        differences += [*_resolved(loaded, data["resolved"]), *_printed(found, data["report"])]
    if len(differences) > MOST:
        differences = [*differences[:MOST], f"and {len(differences) - MOST} more"]
    return Rerun(found.system.name, str(data["version"]), stated, digest(data), tuple(differences), found)


def _resolved(loaded: Loaded, told: dict[str, Any]) -> list[str]:
    """Where the integers of a report are not those of its input, if that alone decides them: no network, no table."""
    if _names_a_network(loaded.system.model_dump(mode="json")):
        return []
    try:
        system = loaded.lower(largest=True)
    except InputError:  # what it names beside the catalogue is not there
        return []
    return list(_differ("resolved", told, resolved.dump(system), strict=True))


def _names_a_network(described: Any) -> bool:
    each = described.values() if isinstance(described, dict) else described if isinstance(described, list) else ()
    return (isinstance(described, dict) and bool(described.get("network"))) or any(map(_names_a_network, each))


def _printed(found: Verification, told: dict[str, Any]) -> list[str]:
    """Where what a report prints is not what its answers say; of one version, for another one has other words."""
    try:
        page = FrontPage.model_validate(told["document"])
        date, old = str(told["date"]), {str(each["name"]): each["blocks"] for each in told["sections"]}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"report: {cut(str(error))}; take the report as rtsched wrote it") from None
    report = Report(found, date, page=page)
    now: dict[str, Any] = {"title": report.title, "front": report.front, **report.answers}
    was = {key: told.get(key) for key in now}
    for made in makers():
        called, blocks = f"section {made.title}", old.get(made.name)
        if made.name in _PRINTED:
            now[called], was[called] = report.blocks(made), blocks
        elif made.name == "configuration":  # of which the input alone follows from it
            now[called] = [each for each in report.blocks(made) if isinstance(each, Listing)]
            was[called] = [each for each in blocks or () if isinstance(each, dict) and each.get("kind") == "listing"]
    plain = json.loads(json.dumps(now, default=data_of))
    return [line for key in now for line in _differ(key, was[key], plain[key], strict=True)]


def _differ(place: str, old: Any, new: Any, strict: bool) -> Iterator[str]:
    """Where two values differ; without `strict` only where both have something to say."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if key in old and key in new:
                yield from _differ(f"{place}.{key}", old[key], new[key], strict)
            elif strict:
                yield f"{place}.{key}: {'in the report only' if key in old else 'not in the report'}"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, two) in enumerate(zip(old, new, strict=True)):
            name = two.get("name", two.get("task")) if isinstance(two, dict) else None
            yield from _differ(f"{place}.{number if name is None else name}", one, two, strict)
    elif old != new:
        yield f"{visible(place)}: {cut(repr(old))} in the report, {cut(repr(new))} computed now"


def text(done: Rerun) -> list[str]:
    """What came of it, in lines."""
    lines = [f"{done.system}: report of rtsched {done.version}, verified by {__version__}"]
    if done.version != __version__:
        lines.append(
            "another version of the tool: texts and the order of tests are not compared, verdicts and bounds are"
        )
    if done.untouched:
        lines.append(f"digest: {done.computed}, as stated")
    else:
        lines.append(
            f"digest: {done.computed}, but the report states {done.stated}: it was changed after it was written"
        )
    if done.differences:
        lines += ["proven again from its data, the answers differ:", *(f"  {each}" for each in done.differences)]
    else:
        lines.append(f"confirmed: {outcome(done.found)} (basis: {done.found.basis}), with the same bounds")
    return [visible(line) for line in lines]
