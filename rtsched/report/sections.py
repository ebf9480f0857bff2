"""The seven sections of every report, a function each, named in ``pyproject.toml`` as anybody's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched import __version__
from rtsched.model.origin import CONDITIONAL, PROVING
from rtsched.report import facts
from rtsched.report.blocks import (
    Block,
    Bullets,
    Facts,
    Figures,
    Listing,
    Signatures,
    Table,
    Text,
    VerdictBox,
)
from rtsched.report.content import CHECKS, counted_runs, fuzzed, versions
from rtsched.report.coverage import coverage
from rtsched.report.section import section
from rtsched.verify import words
from rtsched.verify.criticality import levels
from rtsched.verify.reasons import reason

if TYPE_CHECKING:
    from rtsched.report.content import Report

ROLES = ("Prepared by", "Reviewed by", "Approved by")
EVIDENCE = "evidence, not proof"
HEADER = ("", "task", "T", "D", "J", "C", "bound R", "slack", "seen", "seen/R", "test", "exact")
WIDTHS = (0.35, 2.0, 1.15, 1.15, 0.8, 1.15, 1.1, 0.95, 1.1, 1.05, 1.25, 0.75)


@section("Verdict", 1)
def verdict(report: Report) -> tuple[Block, ...]:
    """The verdict in a box, with what it speaks of, and lines to sign."""
    found = report.found
    rows = (
        ("System", _titled(report.name, found.loaded.system.title)),
        ("Platform", _titled(found.loaded.platform.name, found.loaded.platform.title)),
        ("Policy", str(found.analysis.policy)),
        *(("By criticality", "; ".join(map(str, each))) for each in [levels(found)] if len(each) > 1),
        ("Smallest margin", facts.margin(found)),
        ("Breakdown factor", facts.breakdown(found)),
        ("Tool", f"rtsched {__version__}"),
        ("Input (SHA-256)", found.inputs_sha256),
        ("Date", report.date),
    )
    basis = words.outcome(found).removeprefix(found.verdict)
    box = VerdictBox(found.verdict, facts.scope(found), basis, found.verdict != "schedulable" or found.proven)
    return box, Facts(rows), Signatures(ROLES)


@section("Tasks", 3)
def tasks(report: Report) -> tuple[Block, ...]:
    """Every task with its bound, its slack and what was seen; which fails first; the chains."""
    found = report.found
    order = facts.by_slack(found)
    rows = tuple(row(report, place) for place in order)
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
    if found.basis not in PROVING + CONDITIONAL:
        legend += f" Here C is {found.basis} for some tasks, and nothing is proven of jobs that take longer."
    blocks.append(Text(legend, note=True))
    failed = facts.failures(found)
    for place, (name, why) in enumerate(failed):
        blocks.append(Text(why, strong=("First failing task, part " if not place else "Part ") + name + ":"))
    if not failed:
        blocks.append(Text("No task fails."))
    if found.system.chains:
        blocks.append(_chains(report))
    return tuple(blocks)


def row(report: Report, place: int) -> tuple[str, ...]:
    """A task as a row of the table."""
    found = report.found
    task, bound, seen = found.system.tasks[place], found.bounds[place], found.observed(place)
    ratio = "–" if seen is None or not bound.wcrt else f"{seen / bound.wcrt:.2f}"
    exact = "–" if bound.wcrt is None else "yes" if bound.exact else "no"
    tests = [bound.test] if bound.test else found.analysis.part_of(task.name).proven_by()
    remarks = ["hard"] if task.criticality == "hard" else []
    if task.after is not None:
        remarks.append(f"after {found.system.tasks[task.after].name}")
    elif task.arrival.kind == "spawned":
        remarks.append("spawned")
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


def _chains(report: Report) -> Table:
    rows = []
    for place, (chain, result) in enumerate(zip(report.found.system.chains, report.found.analysis.chains, strict=True)):
        names = " → ".join(report.found.system.tasks[index].name for index in chain.tasks)
        wanted = "; ".join(words.required(report.found, place)) or "–"
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


@section("Figures", 4)
def figures(report: Report) -> tuple[Block, ...]:
    """The figures, where a format has any."""
    return (Figures(),)


@section("What is not proven", 5)
def open_questions(report: Report) -> tuple[Block, ...]:
    """What is neither proven nor refuted, why, and what bounds what."""
    found = report.found
    blocks: list[Block] = []
    for part, names in report.open_parts:
        obstacle = part.view.obstacle
        why = part.result.reason or (str(part.result.first_failure) if part.result.first_failure else "no test")
        change = "see the actions below" if obstacle is None else obstacle.change
        rows = (
            ("Tasks", ", ".join(names)),
            ("Reason", facts.sentence(why)),
            ("Nearest change", facts.sentence(change)),
            ("Simulated", facts.sentence(facts.evidence(found, names))),
        )
        verdict = report.found.part_verdict(part)
        known = (
            "unknown." if verdict == "unknown" else f"{verdict}; of these tasks neither a proof nor a miss is known."
        )
        blocks += [Text(known, strong=f"Part {part.view.name}:"), Facts(rows)]
        if len(names) > 1:
            blocks += [Text("task by task:", strong="Reasons"), Bullets(_reasons(report, names))]
    for chain, result in zip(found.system.chains, found.analysis.chains, strict=True):
        if result.verdict != "schedulable":
            text = result.reason if result.bounds else f"no bound on its reaction time: {result.reason}"
            blocks.append(Text(facts.sentence(text), strong=f"Chain {chain.name}:"))
    if not blocks:
        refuted = any(found.part_verdict(part) == "unschedulable" for part in found.analysis.parts)
        rest = "every task is either proven or refuted" if refuted else "every task is proven"
        blocks.append(Text(f"Nothing is left open: {rest}."))
    lines = tuple(f"{part.view.name}: {coverage(found, part)}" for part in found.analysis.parts)
    blocks += [Text("what bounds what, for each part of this system:", strong="Coverage"), Bullets(lines)]
    if len({place for part in found.analysis.parts for place in part.view.processors}) > 1:
        text = "Every bound holds only if execution times were measured under contention for shared memory and buses."
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


def _reasons(report: Report, names: list[str]) -> tuple[str, ...]:
    """Each open task with its own reason; those that have the same one together."""
    found: dict[str, list[str]] = {}
    for task in report.found.system.tasks:
        if task.name in names:
            found.setdefault(reason(report.found, task.index), []).append(task.name)
    return tuple(f"{', '.join(those)}: {facts.sentence(why)}" for why, those in found.items())


@section("Actions", 6)
def actions(report: Report) -> tuple[Block, ...]:
    """The smallest changes that make it provable."""
    if report.found.verdict == "schedulable":
        if not report.found.proven:
            text = "None is needed for these times. For a proof, measure or derive bounds of them: "
            return (Text(text + "section 2 names those that are none."),)
        return (Text("None is needed: all parts are proven."),)
    note = Text(report.actions.note, note=True)
    if not len(report.actions):
        hints = [part.view.obstacle.change for part in report.found.analysis.parts if part.view.obstacle is not None]
        text = "No change that was tried, and no two of them, makes a part provable."
        return Text(text + (" The nearest changes are named in section 5." if hints else "")), note
    rows = tuple(
        (item.part, facts.sentence(item.text), facts.sentence(item.cost), f"{item.verdict}, {item.basis}")
        for item in report.actions
    )
    lead = (
        "Each line is a change of the file that makes its part provable (part “system”: everything), the gentlest "
        "first; each was verified by analysing the changed file. Below it stands how to apply it."
    )
    applied = tuple(f"{number}. {item.options}" for number, item in enumerate(report.actions, 1))
    numbered = tuple((f"{number}", *row) for number, row in enumerate(rows, 1))
    header = ("", "part", "change", "cost", "the system with it")
    return (
        Text(lead),
        Table("Actions", header, numbered, (0.3, 1.1, 4, 3, 1.5)),
        Text("added to the command, they bring a change about:", strong="Options"),
        Bullets(applied),
        note,
    )


@section("Reproducibility", 7)
def reproducibility(report: Report) -> tuple[Block, ...]:
    """Command, seeds, versions, the tests that were used, and the input."""
    found = report.found
    seen = found.observation
    runs = "nothing was simulated" if seen is None else counted_runs(seen.runs, seen.jobs)
    rows = [
        ("Seeds", f"{found.seed} (release patterns and, in the declared run, execution times)"),
        ("Simulated", runs),
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
        ("Policy", _flat(found.description)),
    ]
    if report.command:
        rows.insert(0, ("Command", report.command))
    cited = tuple(
        (item["test"], item["parts"], item["title"], item["strength"], item["corpus"], item["citation"])
        for item in report.citations
    )
    header = ("test", "parts", "statement", "strength", "records passed", "source")
    blocks: list[Block] = [Facts(tuple(rows))]
    if cited:
        blocks.append(Table("Tests that a verdict or a bound rests on", header, cited, (1.5, 1.1, 2.5, 1.1, 1.0, 3.1)))
    others = _others(report)
    if others:
        blocks.append(Text(f"{others}.", strong="Also applied:", note=True))
    blocks.append(Text(CHECKS + fuzzed()))
    inputs = report.inputs
    blocks.append(
        Listing("Input: the system, with all changes of the command line, without defaults", inputs["system"])
    )
    blocks.append(Listing("Input: the platform", inputs["platform"]))
    return tuple(blocks)


def _others(report: Report) -> str:
    """The tests that were applied and on which nothing rests."""
    used = {item["test"] for item in report.citations}
    names = {item.theorem.name for part in report.found.analysis.parts for item in part.applied}
    return ", ".join(sorted(names - used))


def _titled(name: str, title: str | None) -> str:
    return f"{name}: {title}" if title else name


def _flat(description: dict[str, Any]) -> str:
    """A policy in one line."""
    return ", ".join(f"{key}: {value}" for key, value in description.items()) or "edf"
