"""A report as data: what is known of one verification on a day, from which every format is written."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from rtsched import __version__
from rtsched.model.config import to_yaml
from rtsched.report import facts, front, resolved
from rtsched.report.blocks import Block, Listing, Section
from rtsched.report.canonical import RECIPE, digest
from rtsched.report.coverage import coverage
from rtsched.report.drawing import Drawing, style
from rtsched.report.inputs import InputFile, inputs
from rtsched.report.section import Maker, makers
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.theorem import theorems
from rtsched.verify import words
from rtsched.verify.actions import Actions, actions
from rtsched.verify.verification import Verification
from rtsched.visible import cut, shown, visible

CHECKS = (
    "The tests are checked against a corpus of instances whose answers were found without rtsched (published examples "
    "and exhaustive searches): `pytest -m corpus`. Random systems are proven and simulated, and every simulated "
    "response is compared with its bound: `rtsched fuzz-soundness`. In this report, too, each simulated response was "
    "compared with its bound; one above it would have stopped the tool with an error instead of a report."
)


def checked() -> dict[str, Any]:
    """How this version was checked: per theorem the corpus records passed, and the last long run of the fuzzer."""
    found: dict[str, Any] = json.loads((files("rtsched.report") / "checked.json").read_text(encoding="utf-8"))
    return found


def fuzzed() -> str:
    """The last long run of the fuzzer, in a sentence."""
    run = checked()["fuzz"]
    if not run:
        return ""
    return (
        f" The last long run ({run['minutes']} minutes on {run['processes']} processes, seed {run['seed']}) simulated "
        f"{run['systems']} systems {run['simulations']} times: {run['violations']} violations."
    )


#: A front page of empty boxes.
EMPTY = front.FrontPage()


@dataclass(frozen=True)
class Report:
    """What is known of a system on a day: `found` rendered in sections; `command` repeats it, `page` is its front.

    `others` are input files that the system does not name, each with what it is.
    """

    found: Verification
    date: str
    command: str = ""
    page: front.FrontPage = EMPTY
    others: tuple[tuple[Path, str], ...] = ()

    @property
    def name(self) -> str:
        """What the report is about."""
        return self.found.system.name

    @property
    def title(self) -> str:
        """The heading."""
        return visible(self.page.title or f"Schedulability report: {self.name}")

    @property
    def footer(self) -> str:
        """What tells pages of two reports apart, beside the digest."""
        page = self.page
        revision = f"revision {page.revision}" if page.revision else ""
        outcome = re.sub(r" \([^()]*\)(?=$|;)", "", words.outcome(self.found))  # the conditions stand in section 1
        parts = (page.number, revision, page.status, self.name, outcome, self.date)
        return " · ".join(cut(part, 56) for part in parts if part)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the data, as ``rtsched.report.canonical`` computes it; the same for all formats."""
        return digest(self.data)

    @cached_property
    def drawings(self) -> tuple[Drawing, ...]:
        """The figures, and the sentences of those that do not apply."""
        from rtsched.report.figures import drawings

        with style():
            return tuple(drawings(self.found))

    @cached_property
    def files(self) -> tuple[InputFile, ...]:
        """The files that it was made from."""
        return inputs(self.found.loaded, self.others)

    @cached_property
    def front(self) -> tuple[Block, ...]:
        """The front page."""
        return tuple(shown(each) for each in front.blocks(self.page))

    @cached_property
    def actions(self) -> Actions:
        """The changes that make it provable."""
        return actions(self.found)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections of every report, and those of other packages."""
        return tuple(
            Section(number, made.name, made.title, self.blocks(made)) for number, made in enumerate(makers(), 1)
        )

    def blocks(self, made: Maker) -> tuple[Block, ...]:
        """What one section says."""
        return tuple(map(_seen, made.blocks(self)))

    @property
    def answers(self) -> dict[str, Any]:
        """What is told beside the sections, and follows from the answers alone."""
        return {
            "smallest_margin": facts.margin(self.found),
            "breakdown": facts.breakdown(self.found),
            "marks": {task.name: facts.mark(self.found, i) for i, task in enumerate(self.found.system.tasks)},
            "first_failures": [{"part": name, "why": why} for name, why in facts.failures(self.found)],
            "not_proven": [
                {"part": part.view.name, "tasks": names, "evidence": facts.evidence(self.found, names)}
                for part, names in self.open_parts
            ],
            "coverage": {part.view.name: coverage(self.found, part) for part in self.found.analysis.parts},
        }

    @property
    def open_parts(self) -> tuple[tuple[GroupAnalysis, list[str]], ...]:
        """The parts of which something is neither proven nor refuted, each with the names of those tasks."""
        made = []
        for part in self.found.analysis.parts:
            places = [place for place in part.view.tasks if facts.mark(self.found, place) == facts.OPEN]
            if places or self.found.part_verdict(part) == "unknown":
                names = [self.found.system.tasks[place].name for place in sorted(places or part.view.tasks)]
                made.append((part, names))
        return tuple(made)

    @property
    def citations(self) -> tuple[dict[str, str], ...]:
        """Every test that a verdict or a bound rests on, with its strength, paper and the parts it speaks of."""
        used: dict[str, list[str]] = {}
        for part in self.found.analysis.parts:
            names = [item.test for item in part.result.evidence if part.result.verdict != "unknown"]
            names += [bound.test for bound in part.result.bounds if bound.test]
            for name in dict.fromkeys(names):
                used.setdefault(name, []).append(part.view.name)
        for chain, result in zip(self.found.system.chains, self.found.analysis.chains, strict=True):
            for item in result.evidence:
                used.setdefault(item.test, []).append(f"chain {chain.name}")
        known = theorems()
        corpus, mutants = checked()["corpus"], checked()["mutants"]
        return tuple(
            {
                "test": name,
                "title": known[name].title,
                "strength": known[name].strength,
                "citation": known[name].evidence.citation,
                "corpus": f"{corpus[name]} of {corpus[name]}" if name in corpus else "none applies",
                "mutants": f"{mutants[name]} of {mutants[name]}" if name in mutants else "none made",
                "parts": ", ".join(dict.fromkeys(parts)),
            }
            for name, parts in sorted(used.items())
            if name in known
        )

    @property
    def inputs(self) -> dict[str, str]:
        """The system as it was analysed and its platform, as YAML."""
        loaded = self.found.loaded
        return {"system": to_yaml(loaded.system), "platform": to_yaml(loaded.platform)}

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the verification, what only a report has, and its digest."""
        return {**self.data, "digest": {"sha256": self.digest, "recipe": RECIPE}}

    @cached_property
    def data(self) -> dict[str, Any]:
        """Everything that the report says and rests on, but for its digest."""
        from rtsched.verify.document import to_dict

        made = to_dict(self.found, margins=True)
        made["scheduler"] = self.found.description
        made["seed"], made["runs"] = self.found.seed, self.found.asked
        made["resolved"] = resolved.dump(self.found.system)
        made["scope"] = facts.scope(self.found)
        made["report"] = {
            "date": self.date,
            "command": self.command,
            **self.answers,
            "citations": list(self.citations),
            "versions": versions(),
            "inputs": self.inputs,
            "files": [each.to_dict() for each in self.files],
            "document": self.page.model_dump(mode="json"),
            "checks": CHECKS,
            "title": self.title,
            "front": [data_of(block) for block in self.front],
            "sections": [
                {
                    "number": section.number,
                    "name": section.name,
                    "title": section.title,
                    "blocks": [data_of(block) for block in section.blocks],
                }
                for section in self.sections
            ],
            "figures": [{"title": each.title, "text": each.text} for each in self.drawings],
        }
        plain: dict[str, Any] = json.loads(json.dumps(made))  # as a reader of the file has it
        return plain


def _seen(block: Block) -> Block:
    """A block in which nothing is invisible."""
    seen: Block = block if isinstance(block, Listing) else shown(block)
    return seen


def data_of(block: Block) -> dict[str, Any]:
    """A block as plain data."""
    plain = {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(block).items()}
    return {"kind": type(block).__name__.lower(), **plain}


def counted_runs(runs: int, jobs: int) -> str:
    """How much was simulated."""
    return f"{facts.counted(runs, 'run')} with {facts.counted(jobs, 'job')}"


def versions() -> dict[str, str]:
    """The versions of what computes and draws."""
    found = {"rtsched": __version__, "Python": platform.python_version()}
    for name in ("numpy", "scipy", "networkx", "pydantic", "PyYAML", "simpy", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
