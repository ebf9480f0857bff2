"""Sections of every report, a function each, named in ``pyproject.toml`` as anybody's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtsched import __version__
from rtsched.model.origin import CONDITIONAL, PROVING
from rtsched.model.quantities import QUANTITIES
from rtsched.report import facts
from rtsched.report.blocks import (
    Block,
    Bullets,
    Facts,
    Figures,
    Listing,
    Table,
    Text,
    VerdictBox,
)
from rtsched.report.canonical import RECIPE
from rtsched.report.content import counted_runs, versions
from rtsched.report.coverage import coverage
from rtsched.report.section import number_of, section
from rtsched.schedulability.lowering.system_chains import bound_of
from rtsched.verify import words
from rtsched.verify.basis import NAMES, headline
from rtsched.verify.criticality import levels
from rtsched.verify.loads import summed_up
from rtsched.verify.reasons import reason
from rtsched.verify.requirements import missing
from rtsched.verify.verification import Verification

if TYPE_CHECKING:
    from rtsched.report.content import Report

EVIDENCE = "evidence, not proof"
HEADER = ("", "task", "T", "D", "J", "C", "bound R", "slack", "seen", "seen/R", "test", "exact")
WIDTHS = (0.5, 2.1, 1.1, 1.1, 0.7, 1.1, 1.1, 0.95, 1.05, 0.95, 1.7, 0.75)


@section("Verdict", 1)
def verdict(report: Report) -> tuple[Block, ...]:
    """The verdict in a box, with what it speaks of."""
    found = report.found
    who = f"{found.system.id} {report.name}" if found.system.id else report.name
    rows = (
        ("System", _titled(who, found.loaded.system.title)),
        ("Platform", _titled(found.loaded.platform.name, found.loaded.platform.title)),
        ("Policy", str(found.analysis.policy)),
        *(("By criticality", "; ".join(map(str, each))) for each in [levels(found)] if len(each) > 1),
        ("Smallest margin", facts.margin(found)),
        ("Breakdown factor", facts.breakdown(found)),
        *(("Limits of loads", each) for each in [summed_up(found)] if each),
        *(("Limits of misses in a row", each) for each in [missing(found)] if each),
        ("Tool", f"rtsched {__version__}"),
        ("Date", report.date),
    )
    word, basis = headline(found)
    sound = found.verdict != "schedulable" or found.proven
    return VerdictBox(word, facts.scope(found), basis + words.broken(found), sound), Facts(rows)


@section("Tasks", 4)
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
        f"{facts.PROVEN} every job in time, proven; {facts.CONDITIONALLY} if no job exceeds what was measured; "
        f"{facts.UNPROVEN} at times that jobs exceed, or beside a violated assumption, no proof; "
        f"{facts.REFUTED} a miss is possible; {facts.OPEN} open. "
        "T period or least distance of arrivals, D relative deadline, J release jitter, C worst-case execution time "
        "as the proof takes it, without switches, "
        "R bound on the response time from the arrival, slack (D − R)/D, seen: the largest response in simulation. "
        "exact: R is attained by some run; no: R is safe and may be larger than needed."
    )
    if any(task.after is not None for task in found.system.tasks):
        legend += " A task after another arrives as that one ends: T –, and its D and R count from then."
    if any(len({t for t in node.times if t is not None}) > 1 for task in found.system.tasks for node in task.nodes):
        legend += (
            " C is the sum of the nodes' times, where the proof has them; without one, on their fastest processors."
        )
    if found.basis not in PROVING + CONDITIONAL:
        legend += f" Here some tasks have {NAMES[found.basis]} for C, and nothing is proven of jobs that take longer."
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
    ratio = "–" if seen is None or not bound.wcrt else f"{100 * seen // bound.wcrt / 100:.2f}"  # 1.00: attained
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
        (f"{task.id} " if task.id else "") + task.name + (f" ({', '.join(remarks)})" if remarks else ""),
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
    found = report.found
    for place, (chain, result) in enumerate(zip(found.system.chains, found.analysis.chains, strict=True)):
        names = " → ".join(found.system.tasks[index].name for index in chain.tasks)
        wanted = "; ".join(words.required(found, place)) or "–"
        mrt, _, mda, mrda, latency = (bound_of(result, code) for code in QUANTITIES)
        tests = ["sum of responses"] * (latency is not None) + [item.test for item in result.evidence]
        why = ", ".join(dict.fromkeys(tests)) if (mrt, latency) != (None, None) else result.reason
        who = f"{chain.id} {chain.name}" if chain.id else chain.name
        rows.append((who, names, words.time(latency), words.time(mrt), words.time(mda), words.time(mrda), wanted, why))
    header = (
        "chain", "tasks", "latency", "reaction time", "data age", "reduced age", "required", "test or reason",
    )  # fmt: skip
    widths = (1.8, 2.6, 1.2, 1.2, 1.2, 1.2, 2.2, 2.1)
    return Table("Cause-effect chains, upper bounds", header, tuple(rows), widths, frozenset({2, 3, 4, 5}))


@section("Figures", 7)
def figures(report: Report) -> tuple[Block, ...]:
    """The figures, where a format has any."""
    return (Figures(),)


@section("What is not proven", 8)
def open_questions(report: Report) -> tuple[Block, ...]:
    """What is neither proven nor refuted, why, and what bounds what."""
    found = report.found
    blocks: list[Block] = []
    for part, names in report.open_parts:
        obstacle = part.view.obstacle
        why = part.result.reason or (str(part.result.first_failure) if part.result.first_failure else "no test")
        change = f"see section {number_of('actions')}" if obstacle is None else obstacle.change
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
        blocks.append(Text(f"Nothing is left open: {rest}." if found.proven or refuted else _unsure(found)))
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
    elif found.unrun:
        blocks.append(Text(f"Nothing was simulated: the policy does not run this system ({found.unrun}).", note=True))
    return tuple(blocks)


def _unsure(found: Verification) -> str:
    """What is missing where everything is in time, but nothing is proven."""
    if found.violated:
        return f"Every task is in time, but no proof holds: violated is {', '.join(found.violated)}."
    text = f"Every task is in time at {NAMES[found.basis]}; that the real times stay below is not proven"
    return f"{text} (section {number_of('assumptions')})."


def _reasons(report: Report, names: list[str]) -> tuple[str, ...]:
    """Each open task with its own reason; those that have the same one together."""
    found: dict[str, list[str]] = {}
    for task in report.found.system.tasks:
        if task.name in names:
            found.setdefault(reason(report.found, task.index), []).append(task.name)
    return tuple(f"{', '.join(those)}: {facts.sentence(why)}" for why, those in found.items())


@section("Actions", 9)
def actions(report: Report) -> tuple[Block, ...]:
    """The smallest changes that make it provable."""
    if report.found.verdict == "schedulable":
        if not report.found.proven:
            if report.found.violated:
                named = ", ".join(report.found.violated)
                return (Text(f"None makes a proof while the file says that this does not hold: {named}."),)
            text = "None is needed for these times. For a proof, measure or derive bounds of them: "
            if report.found.conditional:
                text = "None is needed if no job takes longer than was measured. For a proof of all jobs, take bounds: "
            return (Text(text + f"section {number_of('assumptions')} names those that are none."),)
        return (Text("None is needed: all parts are proven."),)
    note = Text(report.actions.note, note=True)
    if not len(report.actions):
        hints = [part.view.obstacle.change for part in report.found.analysis.parts if part.view.obstacle is not None]
        text = "No change that was tried, and no two of them, makes a part provable."
        return Text(text + (f" The nearest changes are named in section {number_of('open')}." if hints else "")), note
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


@section("Configuration", 10)
def configuration(report: Report) -> tuple[Block, ...]:
    """Command, seeds, versions, every input file, the digest and how to check it, and the input itself."""
    found = report.found
    seen = found.observation
    runs = "nothing was simulated" if seen is None else counted_runs(seen.runs, seen.jobs)
    rows = [
        ("Command", report.command or "not stated: made in Python"),
        ("Seeds", f"{found.seed} (release patterns and, in the declared run, execution times)"),
        ("Simulated", runs),
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
        ("Policy", _flat(found.description)),
        ("Input (SHA-256)", f"{found.inputs_sha256} (system, platform and policy as they were understood)"),
    ]
    blocks: list[Block] = [Facts(tuple(rows))]
    files = tuple((each.name, each.what, each.sha256, each.state) for each in report.files)
    head = ("file", "what", "SHA-256", "revision (git)")
    if files:
        blocks.append(Table("Input files", head, files, (2, 1.4, 3.4, 3)))
    else:
        blocks.append(Text("none: the system was given in Python, or its files are gone.", strong="Input files:"))
    text = (
        "SHA-256 of the data of this report: at the foot of every page, and in its JSON form (the same command with "
        "-o report.json writes it; a PDF has it attached), where it covers everything but itself, with keys sorted, "
        "without blanks, in UTF-8. The drawings follow from the data and are not in it. `rtsched verify-report "
        "report.json` recomputes it and proves everything again from the data alone. Without rtsched: "
    )
    blocks += [Text(text, strong="Digest:"), Listing("Recipe", RECIPE, "")]
    inputs = report.inputs
    blocks.append(
        Listing("Input: the system, with all changes of the command line, without defaults", inputs["system"])
    )
    blocks.append(Listing("Input: the platform", inputs["platform"]))
    return tuple(blocks)


def _titled(name: str, title: str | None) -> str:
    return f"{name}: {title}" if title else name


def _flat(description: dict[str, Any]) -> str:
    """A policy in one line."""
    parts = []
    for key, value in description.items():
        own = (
            "(" + ", ".join(f"{each}: {what}" for each, what in value.items()) + ")"
            if isinstance(value, dict)
            else value
        )
        parts.append(f"{key}: {own}")
    return ", ".join(parts) or "edf"
