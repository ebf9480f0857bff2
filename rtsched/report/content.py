"""A report as data: seven sections built from one verification, from which every format is written."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

from rtsched import __version__
from rtsched.model.config import to_yaml
from rtsched.report import facts
from rtsched.report.blocks import (
    Block,
    Boxes,
    Bullets,
    Facts,
    Figures,
    Listing,
    Section,
    Signatures,
    Table,
    Text,
    VerdictBox,
)
from rtsched.report.coverage import coverage
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.theorem import theorems
from rtsched.verify import words
from rtsched.verify.actions import Action, actions
from rtsched.verify.assumptions import assumptions, times
from rtsched.verify.criticality import levels
from rtsched.verify.verification import PROVING, Verification
from rtsched.visible import shown, visible

ROLES = ("Prepared by", "Reviewed by", "Approved by")
EVIDENCE = "evidence, not proof"
VERIFIED = "verified by running the tests again"
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


HEADER = ("", "task", "T", "D", "J", "C", "bound R", "slack", "seen", "seen/R", "test", "exact")
WIDTHS = (0.35, 2.0, 1.15, 1.15, 0.8, 1.15, 1.1, 0.95, 1.1, 1.05, 1.25, 0.75)


@dataclass(frozen=True)
class Report:
    """What is known of a system on a day: `found` rendered in seven sections; `command` repeats it."""

    found: Verification
    date: str
    command: str = ""

    @property
    def name(self) -> str:
        """What the report is about."""
        return self.found.system.name

    @property
    def title(self) -> str:
        """The heading."""
        return f"Schedulability report: {visible(self.name)}"

    @property
    def footer(self) -> str:
        """What tells pages of two reports apart."""
        name, fingerprint = visible(self.name), self.found.inputs_sha256[:12]
        return f"{name} · {words.outcome(self.found)} · input {fingerprint} · {self.date}"

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """The smallest changes that make it provable."""
        return tuple(actions(self.found))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The seven sections."""
        makers = (
            ("Verdict", self._verdict),
            ("Assumptions", self._assumptions),
            ("Tasks", self._tasks),
            ("Figures", lambda: (Figures(),)),
            ("What is not proven", self._open),
            ("Actions", self._actions),
            ("Reproducibility", self._repeat),
        )
        return tuple(
            Section(number, title, tuple(block if isinstance(block, Listing) else shown(block) for block in make()))
            for number, (title, make) in enumerate(makers, 1)
        )

    # ---- 1 to 3 --------------------------------------------------------------------------------------------------

    def _verdict(self) -> tuple[Block, ...]:
        found = self.found
        rows = (
            ("System", _titled(self.name, found.loaded.system.title)),
            ("Platform", _titled(found.loaded.platform.name, found.loaded.platform.title)),
            ("Policy", str(found.analysis.policy)),
            *(("By criticality", "; ".join(map(str, each))) for each in [levels(found)] if len(each) > 1),
            ("Smallest margin", facts.margin(found)),
            ("Breakdown factor", facts.breakdown(found)),
            ("Tool", f"rtsched {__version__}"),
            ("Input (SHA-256)", found.inputs_sha256),
            ("Date", self.date),
        )
        basis = words.outcome(found).removeprefix(found.verdict)
        box = VerdictBox(found.verdict, facts.scope(found), basis, found.verdict != "schedulable" or found.proven)
        return box, Facts(rows), Signatures(ROLES)

    def _assumptions(self) -> tuple[Block, ...]:
        items = assumptions(self.found)
        checked = tuple(_sentence(item.text) for item in items if item.status == "checked")
        signed = tuple(_sentence(item.text) for item in items if item.status == "declared")
        blocks: list[Block] = []
        if self.found.basis not in PROVING:
            text = "what this report says rests on execution times that are no bounds of the real ones. "
            blocks.append(Text(text + _sentence(times(self.found)[0]), strong="No proof:"))
        blocks.append(Text("read off this very system, no signature needed:", strong="Checked by the tool"))
        blocks.append(Bullets(checked) if checked else Text("nothing was assumed on the way into the theorems."))
        blocks.append(Text("what no tool can see in a file; each box is to be signed:", strong="Declared by a person"))
        return (*blocks, Boxes(signed))

    def _tasks(self) -> tuple[Block, ...]:
        found = self.found
        order = facts.by_slack(found)
        rows = tuple(self._row(place) for place in order)
        marked = frozenset(row for row, place in enumerate(order) if facts.mark(found, place) == facts.REFUTED)
        blocks: list[Block] = [
            Table("Tasks, those without a bound first, then by slack relative to the deadline", HEADER, rows, WIDTHS,
                  frozenset(range(2, 10)), marked)
        ]  # fmt: skip
        legend = (
            f"{facts.PROVEN} every job in time, proven; {facts.REFUTED} a miss is possible; {facts.OPEN} open. T "
            "period or least distance of arrivals, D relative deadline, J release jitter, C worst-case execution time "
            "as the proof takes it, without switches, "
            "R bound on the response time from the arrival, slack (D − R)/D, seen: the largest response in simulation. "
            "exact: R is attained by some run; no: R is safe and may be larger than needed."
        )
        if any(len({t for t in node.times if t is not None}) > 1 for task in found.system.tasks for node in task.nodes):
            legend += (
                " C is the sum of the nodes' times, where the proof has them; without one, on their fastest processors."
            )
        if found.basis not in PROVING:
            legend += f" Here C is {found.basis} for some tasks, and nothing is proven of jobs that take longer."
        blocks.append(Text(legend, note=True))
        failed = facts.failures(found)
        for place, (name, why) in enumerate(failed):
            blocks.append(Text(why, strong=("First failing task, part " if not place else "Part ") + name + ":"))
        if not failed:
            blocks.append(Text("No task fails."))
        if found.system.chains:
            blocks.append(self._chains())
        return tuple(blocks)

    def _row(self, place: int) -> tuple[str, ...]:
        found = self.found
        task, bound, seen = found.system.tasks[place], found.bounds[place], found.observed(place)
        ratio = "–" if seen is None or not bound.wcrt else f"{seen / bound.wcrt:.2f}"
        exact = "–" if bound.wcrt is None else "yes" if bound.exact else "no"
        tests = [bound.test] if bound.test else found.analysis.part_of(task.name).proven_by()
        remarks = ["hard"] if task.criticality == "hard" else []
        if task.after is not None:
            remarks.append(f"after {found.system.tasks[task.after].name}")
        elif task.period is None:
            remarks.append("once")
        return (
            facts.mark(found, place),
            task.name + (f" ({', '.join(remarks)})" if remarks else ""),
            words.time(task.period),
            words.time(task.deadline),
            words.time(task.jitter) if task.jitter else "0",
            words.time(found.analysis.cost(task.name)),
            words.time(bound.wcrt),
            facts.slack_percent(bound),
            words.time(seen),
            ratio,
            tests[0] if tests else "–",
            exact,
        )

    def _chains(self) -> Table:
        rows = []
        for place, (chain, result) in enumerate(zip(self.found.system.chains, self.found.analysis.chains, strict=True)):
            names = " → ".join(self.found.system.tasks[index].name for index in chain.tasks)
            wanted = "; ".join(words.required(self.found, place)) or "–"
            if not result.bounds:
                rows.append((chain.name, names, "–", "–", wanted, result.reason))
                continue
            age = result.details.get("data_age_ns")
            test = ", ".join(dict.fromkeys(item.test for item in result.evidence))
            rows.append((chain.name, names, words.time(result.bounds[0].wcrt), words.time(age), wanted, test))
        header = ("chain", "tasks", "reaction time", "data age", "required", "test or reason")
        return Table(
            "Cause-effect chains, upper bounds", header, tuple(rows), (2, 3.5, 1.5, 1.5, 2.2, 2.5), frozenset({2, 3})
        )

    # ---- 5 and 6 -------------------------------------------------------------------------------------------------

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

    def _open(self) -> tuple[Block, ...]:
        found = self.found
        blocks: list[Block] = []
        for part, names in self.open_parts:
            obstacle = part.view.obstacle
            reason = part.result.reason or (str(part.result.first_failure) if part.result.first_failure else "no test")
            change = "see the actions below" if obstacle is None else obstacle.change
            rows = (
                ("Tasks", ", ".join(names)),
                ("Reason", _sentence(reason)),
                ("Nearest change", _sentence(change)),
                ("Simulated", _sentence(facts.evidence(found, names))),
            )
            verdict = self.found.part_verdict(part)
            known = (
                "unknown."
                if verdict == "unknown"
                else f"{verdict}; of these tasks neither a proof nor a miss is known."
            )
            blocks += [Text(known, strong=f"Part {part.view.name}:"), Facts(rows)]
        for chain, result in zip(found.system.chains, found.analysis.chains, strict=True):
            if result.verdict != "schedulable":
                text = result.reason if result.bounds else f"no bound on its reaction time: {result.reason}"
                blocks.append(Text(_sentence(text), strong=f"Chain {chain.name}:"))
        if not blocks:
            refuted = any(found.part_verdict(part) == "unschedulable" for part in found.analysis.parts)
            rest = "every task is either proven or refuted" if refuted else "every task is proven"
            blocks.append(Text(f"Nothing is left open: {rest}."))
        lines = tuple(f"{part.view.name}: {coverage(found, part)}" for part in found.analysis.parts)
        blocks += [Text("what bounds what, for each part of this system:", strong="Coverage"), Bullets(lines)]
        if len({place for part in found.analysis.parts for place in part.view.processors}) > 1:
            text = (
                "Every bound holds only if execution times were measured under contention for shared memory and buses."
            )
            blocks.append(Text(text))
        if found.observation is not None:
            seen = found.observation
            blocks.append(
                Text(
                    f"{counted_runs(seen.runs, seen.jobs)} were simulated beside the proof. A simulation without a "
                    f"miss is {EVIDENCE}: a longer, a shorter or a differently phased run may still miss.", note=True
                )
            )  # fmt: skip
        return tuple(blocks)

    def _actions(self) -> tuple[Block, ...]:
        if self.found.verdict == "schedulable":
            if not self.found.proven:
                text = "None is needed for these times. For a proof, measure or derive bounds of them: "
                return (Text(text + "section 2 names those that are none."),)
            return (Text("None is needed: all parts are proven."),)
        if not self.actions:
            hints = [part.view.obstacle.change for part in self.found.analysis.parts if part.view.obstacle is not None]
            text = "No single change that was tried (priorities, regions, execution times, periods, policies) makes a "
            text += "part provable."
            return (Text(text + (" The nearest changes are named in section 5." if hints else "")),)
        rows = tuple((item.part, _sentence(item.text), VERIFIED) for item in self.actions)
        lead = (
            "Each line is one change that alone makes its part provable (part “system”: everything); the gentlest "
            "of its kind that was found. The times are rounded here; run the tool again on the changed file."
        )
        return Text(lead), Table("Actions", ("part", "change", "status"), rows, (1.3, 6, 2.2))

    # ---- 7 -------------------------------------------------------------------------------------------------------

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
        corpus = checked()["corpus"]
        return tuple(
            {
                "test": name,
                "title": known[name].title,
                "strength": known[name].strength,
                "citation": known[name].citation,
                "corpus": f"{corpus[name]} of {corpus[name]}" if name in corpus else "none applies",
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

    def _repeat(self) -> tuple[Block, ...]:
        found = self.found
        seen = found.observation
        runs = "nothing was simulated" if seen is None else counted_runs(seen.runs, seen.jobs)
        rows = [
            ("Seeds", f"{found.seed} (release patterns and, in the declared run, execution times)"),
            ("Simulated", runs),
            ("Versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
            ("Policy", _flat(found.description)),
        ]
        if self.command:
            rows.insert(0, ("Command", self.command))
        cited = tuple(
            (item["test"], item["parts"], item["title"], item["strength"], item["corpus"], item["citation"])
            for item in self.citations
        )
        header = ("test", "parts", "statement", "strength", "records passed", "source")
        blocks: list[Block] = [Facts(tuple(rows))]
        if cited:
            blocks.append(
                Table("Tests that a verdict or a bound rests on", header, cited, (1.5, 1.1, 2.5, 1.1, 1.0, 3.1))
            )
        others = self._others()
        if others:
            blocks.append(Text(f"{others}.", strong="Also applied:", note=True))
        blocks.append(Text(CHECKS + fuzzed()))
        inputs = self.inputs
        blocks.append(
            Listing("Input: the system, with all changes of the command line, without defaults", inputs["system"])
        )
        blocks.append(Listing("Input: the platform", inputs["platform"]))
        return tuple(blocks)

    def _others(self) -> str:
        """The tests that were applied and on which nothing rests."""
        used = {item["test"] for item in self.citations}
        names = {item.theorem.name for part in self.found.analysis.parts for item in part.applied}
        return ", ".join(sorted(names - used))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the verification, and what only a report has."""
        from rtsched.verify.document import to_dict

        made = to_dict(self.found, margins=True)
        made["scope"] = facts.scope(self.found)
        made["report"] = {
            "date": self.date,
            "command": self.command,
            "smallest_margin": facts.margin(self.found),
            "breakdown": facts.breakdown(self.found),
            "marks": {task.name: facts.mark(self.found, i) for i, task in enumerate(self.found.system.tasks)},
            "first_failures": [{"part": name, "why": why} for name, why in facts.failures(self.found)],
            "not_proven": [
                {"part": part.view.name, "tasks": names, "evidence": facts.evidence(self.found, names)}
                for part, names in self.open_parts
            ],
            "coverage": {part.view.name: coverage(self.found, part) for part in self.found.analysis.parts},
            "citations": list(self.citations),
            "versions": versions(),
            "inputs": self.inputs,
            "checks": CHECKS,
        }
        return made


def counted_runs(runs: int, jobs: int) -> str:
    """How much was simulated."""
    return f"{facts.counted(runs, 'run')} with {facts.counted(jobs, 'job')}"


def versions() -> dict[str, str]:
    """The versions of what computes and draws."""
    found = {"rtsched": __version__, "Python": platform.python_version()}
    for name in ("numpy", "simpy", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _titled(name: str, title: str | None) -> str:
    return f"{name}: {title}" if title else name


def _flat(description: dict[str, Any]) -> str:
    """A policy in one line."""
    return ", ".join(f"{key}: {value}" for key, value in description.items()) or "edf"


#: First words that are no names, and so may have a capital.
_WORDS = re.compile(
    r"(a|all|arrivals|clocks|declare|every|evidence|execution|give|join|keep|leave|lengthen|let|locks|make|no|nothing|pin|"
    r"put|see|serialise|shorten|switches|tasks|the|use|where)(?![:\w-])"
)


def _sentence(text: str) -> str:
    """The text with a full stop, and with a capital unless it begins with a name."""
    text = text.rstrip()
    if _WORDS.match(text):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
