"""A verification in words: what the command line prints, and what reports begin with."""

from __future__ import annotations

from fractions import Fraction

from rtsched import units
from rtsched.columns import aligned
from rtsched.model.origin import CONDITIONAL, PROVING, weakest
from rtsched.model.quantities import QUANTITIES
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.lowering.system_chains import bound_of
from rtsched.schedulability.result import KINDS
from rtsched.schedulability.search.margins import MOST
from rtsched.schedulability.theorems.job_sets import JobSet
from rtsched.schedulability.theorems.preemptive_jobs import PreemptiveJobs
from rtsched.verify.assumptions import assumptions
from rtsched.verify.basis import NAMES, basis_of, claim, headline
from rtsched.verify.criticality import levels
from rtsched.verify.loads import summed_up
from rtsched.verify.requirements import missing
from rtsched.verify.surroundings import brief
from rtsched.verify.verification import Verification
from rtsched.visible import visible


def time(value: int | None) -> str:
    """A duration to four digits; a dash where there is none."""
    return "–" if value is None else units.format_duration(value, digits=4)


def percent(share: float | None, digits: int = 1) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def outcome(found: Verification) -> str:
    """The verdict in a few words, with what it rests on: ``schedulable for declared bounds``."""
    return "".join(headline(found)) + broken(found)


def broken(found: Verification) -> str:
    """What the file says does not hold, behind a verdict that is none of a proof; one of a proof begins with it."""
    return f"; violated: {', '.join(found.violated)}" if found.violated and found.verdict != "schedulable" else ""


#: Up to which execution time a claim reaches, by what it rests on.
_UP_TO = {
    "analysed": "every execution time up to the analysed one",
    "budget": "every execution time up to the budget",
    "declared": "every execution time up to the given one",
    "high-water": "every execution time up to the largest one measured",
    "pwcet": "every execution time up to its probabilistic bound",
    "percentile": "every execution time up to a percentile (jobs that take longer happen, so this is no proof)",
    "typical": "every execution time up to a typical one (jobs that take longer happen, so this is no proof)",
    "modelled": "every execution time up to the modelled one (nobody measured it, so this is no proof)",
}


def scope(found: Verification) -> str:
    """What exactly is claimed."""
    system = found.system
    count = len(system.tasks)
    signed = sum(item.status == "declared" for item in assumptions(found))
    platform = found.loaded.platform.name
    who = f"{'the task' if count == 1 else f'all {count} tasks'} of {system.name!r}"
    under = f"on {platform!r} under {found.analysis.policy}"
    if found.verdict == "schedulable":
        return (
            f"Every job of {who} meets its deadline, for {_patterns(found)} and {_UP_TO[found.basis]}, {under}, "
            f"provided the {signed} declared assumptions hold."
        )
    if found.verdict == "unschedulable":
        if found.counterexample is None and any(
            found.chain_verdict(place) == "unschedulable" for place in range(len(system.chains))
        ):
            return (
                f"A chain of {system.name!r} does not keep what is required of it {under}: a run of the file shows it."
            )
        return f"Not every deadline of {system.name!r} is met {under}: there is a run that the file allows with a miss."
    if all(found.task_verdict(task.index) == "schedulable" for task in system.tasks):
        return f"All deadlines of {who} are met {under}; that its chains keep what is required is not proven."
    return f"For {who} {under} it is neither proven that all deadlines are met, nor is a miss known."


def _patterns(found: Verification) -> str:
    """The releases that a claim is about."""
    models = [model for part in found.analysis.parts for model in part.view.models]
    if all(isinstance(model, JobSet | PreemptiveJobs) for model in models):
        return "the releases as they are given"
    return "every release pattern allowed by the periods and jitters"


def verdict(found: Verification) -> str:
    """The verdict in one paragraph."""
    named, rest = headline(found)
    who = f"{found.system.id} {found.system.name}" if found.system.id else found.system.name
    lines = [f"{who}: {named.upper()}{rest}{broken(found)}"]
    each = levels(found)
    if len(each) > 1:
        lines.append("; ".join(map(str, each)))
    lines.append(scope(found))
    tight = tightest(found)
    if found.verdict == "schedulable" and tight is not None:
        lines.append(f"Smallest margin: {tight}.")
    factor = found.breakdown
    if factor is not None and all(part.view.models for part in found.analysis.parts):
        lines.append(f"Breakdown factor: {float(factor):.3f} ({together(found)} {moved(factor)}).")
    loads = summed_up(found)
    if loads:
        lines.append(f"Limits of loads {loads}.")
    if found.analysis.misses:
        lines.append(f"Limits of misses in a row {missing(found)}.")
    return "\n".join(map(visible, lines))


def tightest(found: Verification) -> str | None:
    """The task with the least slack relative to its deadline."""
    known = [bound for bound in found.bounds if bound.slack is not None]
    if not known:
        return None
    least = min(known, key=lambda bound: (bound.slack or 0) / bound.deadline)
    return f"{least.task!r} has {time(least.slack)} of {time(least.deadline)} left"


HEADER = ("task", "T", "D", "C", "bound", "slack", "seen", "seen/bound", "test")


def rows(found: Verification) -> list[list[str]]:
    """One row per task: timing, bound, slack, the worst response seen and its ratio to the bound."""
    made = []
    for index, (task, bound) in enumerate(zip(found.system.tasks, found.bounds, strict=True)):
        seen = found.observed(index)
        ratio = None if seen is None or not bound.wcrt else 100 * seen // bound.wcrt / 100  # 1.00: attained
        late = bound.wcrt is not None and bound.wcrt > bound.deadline
        made.append(
            [
                task.name + (" !" if late and task.criticality == "hard" else ""),
                time(task.period),
                time(task.deadline),
                time(found.analysis.cost(task.name)),
                time(bound.wcrt) + (" (exact)" if bound.exact else ""),
                "–" if bound.slack is None else percent(bound.slack / bound.deadline),
                time(seen),
                "–" if ratio is None else f"{ratio:.2f}",
                bound.test or "–",
            ]
        )
    return made


def table(found: Verification) -> str:
    """The rows, aligned."""
    return aligned([list(HEADER), *rows(found)], names=(0, -1))


def part(found: Verification, each: GroupAnalysis) -> list[str]:
    """What is known of one part: its verdict, by what, and the first failure."""
    result = each.result
    basis = weakest(found.system.tasks[index].basis for index in each.view.tasks)
    head = f"{each.view.name}: {claim(found.part_verdict(each), basis, found.violated)}"
    if result.verdict == "schedulable":
        tests = each.proven_by()
        more = f" and {len(tests) - 3} more" if len(tests) > 3 else ""
        return [f"{head} by {', '.join(tests[:3]) or 'its bounds'}{more}"]
    lines = [head]
    if found.counterexample is not None and found.part_verdict(each) != result.verdict:
        lines.append(f"  counterexample: {found.counterexample}")
    if result.first_failure is not None:
        lines.append(f"  {result.first_failure}")
    elif result.reason:
        lines.append(f"  {result.reason}")
    if each.declared is not None and each.declared.verdict != "unknown":
        count = each.declared.details["jobs"]
        lines.append(
            f"  with the phases held exactly as declared: {each.declared.verdict} (np-job-sets, exact, {count} jobs)"
        )
    return lines


def chains(found: Verification) -> list[str]:
    """The bounds of cause-effect chains, and whether they keep what is required."""
    lines = []
    for place, (chain, result) in enumerate(zip(found.system.chains, found.analysis.chains, strict=True)):
        mrt, mrrt, mda, mrda, latency = (bound_of(result, code) for code in QUANTITIES)
        said = []
        if latency is not None:
            said.append(f"takes at most {time(latency)} from the arrival that triggers it (triggered)")
        if mrt is not None:
            said += [
                f"reacts within {time(mrt)} (mrt; {time(mrrt)} from the read on, mrrt)",
                f"its data is at most {time(mda)} old (mda; {time(mrda)} when it appears, mrda)",
            ]
        if "open" in result.details:
            said.append(f"without its clocks ({result.details['open']})")
        text = ", ".join(said) or f"no bound ({result.reason})"
        id = f"{chain.id} " if chain.id else ""
        lines.append(f"chain {id}{chain.name}: {text}" + "".join(f"; {each}" for each in required(found, place)))
    if found.broken is not None:
        lines.append(f"  counterexample: {found.broken}")
    return lines


def required(found: Verification, place: int) -> list[str]:
    """What is required of a chain, each with whether it is proven: ``max_age 80 ms: proven``."""
    chain, seen = found.system.chains[place], found.worst_chain(place)
    made = []
    for code, limit in chain.limits.items():
        basis = basis_of(found, chain.tasks)
        proven = "proven" if basis in PROVING else f"kept if no job exceeds {NAMES[basis]}"
        if found.violated or basis not in PROVING + CONDITIONAL:
            proven = f"kept {'for' if basis in PROVING else 'at'} {NAMES[basis]}, no proof"
        known = {"schedulable": proven, "unknown": "not proven"}.get(found.end_verdict(place, code))
        if known is None:
            worst = seen[code]
            over = worst.time is not None and worst.time > limit
            known = f"broken ({time(worst.time)} in a run: {worst.run})" if over else "broken (jobs were lost)"
        made.append(f"{QUANTITIES[code].key} {time(limit)}: {known}")
    return made


def parts(found: Verification) -> str:
    """What each bound consists of, one row a task."""
    header = ["task", "bound", *KINDS, "largest contributor"]
    lines = [header]
    for bound in found.bounds:
        if bound.wcrt is None or not bound.parts:
            continue
        largest = bound.largest
        who = "–" if largest is None else f"{largest.source} ({time(largest.amount)})"
        lines.append([bound.task, time(bound.wcrt), *(time(bound.total(kind)) for kind in KINDS), who])
    return aligned(lines)


def margins(found: Verification) -> str:
    """How far each task can move by itself."""
    lines = [["task", "C", "T"]]
    for task in found.system.tasks:
        margin = found.sensitivity.get(task.name)
        if margin is not None:
            lines.append(
                [
                    task.name,
                    "–" if margin.C is None else moved(margin.C),
                    "–" if margin.T is None else moved(margin.T, shrinks=True),
                ]
            )
    cost = ", what switches cost in it" * bool(switching(found))
    note = f"each by itself, for a proof of its part: its execution time (C{cost}) and its period (T)"
    return f"{aligned(lines)}\n{note}"


def together(found: Verification) -> str:
    """What a factor of all execution times scales: where switches cost time, that as well."""
    return f"all execution times{', with what switches cost,' * switching(found)} together"


def switching(found: Verification) -> bool:
    """Whether the times that the models take have the cost of switches in them."""
    return any(part.view.overheads for part in found.analysis.parts)


def moved(factor: Fraction | float, *, shrinks: bool = False) -> str:
    """What a factor says of a time, in words that nobody can misread: what has to shrink is said to shrink.

    The factor is the largest that keeps a proof, or where less is worse (`shrinks`, a period) the smallest.

    >>> moved(Fraction("0.971")), moved(Fraction("1.2")), moved(Fraction("1.022"), shrinks=True)
    ('must shrink by 2.9 %', 'may grow by 20 %', 'must grow by 2.2 %')
    """
    share = 100 * float(factor - 1)
    if factor == 1:
        return "may not shrink by 0.1 %" if shrinks else "may not grow by 0.1 %"
    must = "must" if (share > 0) == shrinks else "may"
    if share > 100:
        return f"{must} grow {float(factor):.4g}-fold" + " or more" * (factor >= MOST and not shrinks)
    return f"{must} {'grow' if share > 0 else 'shrink'} by {max(0.1, abs(share)):.3g} %"


def assumed(found: Verification) -> list[str]:
    """The assumptions, those to be signed last; what costs nothing and what stays away in a sentence each."""
    return brief(assumptions(found))
