"""The sentences and numbers of a report, out of a verification: what is proven, refuted or open, and by how much."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rtsched.model.origin import CONDITIONAL, PROVING
from rtsched.report.section import number_of
from rtsched.schedulability.analyse import GroupAnalysis
from rtsched.schedulability.result import KINDS, Bound, Evidence
from rtsched.schedulability.search.margins import MOST
from rtsched.verify import words
from rtsched.verify.basis import NAMES, basis_of, short
from rtsched.verify.verification import Verification

#: What stands before a task: proven, refuted, open.
PROVEN, REFUTED, OPEN = "✓", "✗", "?"
#: In time if no job exceeds what was measured; and at times that jobs exceed, which is no proof.
CONDITIONALLY, UNPROVEN = "(✓)", "~"
#: More names than this are counted instead.
MOST_NAMES = 6

#: First words that are no names, and so may have a capital.
_WORDS = re.compile(
    r"(a|accuracy|all|another|arrivals|clocks|code|declare|every|evidence|execution|give|interrupts|join|keep|leave|"
    r"lengthen|let|locks|make|no|nothing|pin|put|see|serialise|shorten|submitting|switches|tasks|the|timers|use|what|where|who|work)(?![:\w-])"
)


def sentence(text: str) -> str:
    """The text with a full stop, and with a capital unless it begins with a name."""
    text = text.rstrip()
    if _WORDS.match(text):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def counted(number: int, noun: str) -> str:
    """``1 task``, ``2 tasks``."""
    return f"{number:,}".replace(",", "\u202f") + f" {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """``'a', 'b' and 'c'``; many names are cut off with their number."""
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        return ", ".join(shown) + f" and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def slack_percent(bound: Bound) -> str:
    """The slack as a share of the deadline; never rounded to a zero that it is not."""
    if bound.slack is None:
        return "–"
    share = 100 * bound.slack / bound.deadline
    if bound.slack and abs(share) < 0.05:
        return "< 0.1 %" if bound.slack > 0 else "> −0.1 %"
    return f"{share:.1f} %".replace("-", "−")


def by_slack(found: Verification) -> list[int]:
    """The places of the tasks: those without a bound first, then by their slack relative to the deadline."""

    def key(place: int) -> tuple[int, float, int]:
        bound = found.bounds[place]
        return (0, 0.0, place) if bound.slack is None else (1, bound.slack / bound.deadline, place)

    return sorted(range(len(found.bounds)), key=key)


def closest(found: Verification) -> list[int]:
    """The places of the tasks, the tightest first: by bound over deadline, or by what was seen where no bound is."""

    def key(place: int) -> tuple[float, int]:
        bound = found.bounds[place]
        worst = bound.wcrt if bound.wcrt is not None else found.observed(place)
        return (0.0 if worst is None else -worst / bound.deadline, place)

    return sorted(range(len(found.bounds)), key=key)


def mark(found: Verification, place: int) -> str:
    """Whether all jobs of a task are proven to be in time, a miss of it is possible, or neither is known."""
    verdict = found.task_verdict(place)
    if verdict != "unknown":
        if verdict == "unschedulable":
            return REFUTED
        return {"schedulable": PROVEN, "conditional": CONDITIONALLY}.get(
            short(verdict, basis_of(found, [place]), found.violated), UNPROVEN
        )
    name = found.system.tasks[place].name
    result = found.analysis.part_of(name).result
    failed = result.verdict == "unschedulable" and result.first_failure is not None
    return REFUTED if failed and result.first_failure.task == name else OPEN  # type: ignore[union-attr]


def scope(found: Verification) -> str:
    """What exactly is claimed, of whom, where, and provided what."""
    late = [task.name for place, task in enumerate(found.system.tasks) if mark(found, place) == REFUTED]
    if found.verdict != "unschedulable" or (found.analysis.verdict != "unschedulable" and not late):
        return words.scope(found)
    under = f"on {found.loaded.platform.name!r} under {found.analysis.policy}"
    who = f"{listed(late)} can be late" if late else "not all deadlines can be kept"
    shown = f"a run that the system allows shows it (the counterexample in section {number_of('tasks')})"
    if found.counterexample is None:
        tests = sorted({e.test for part in found.analysis.parts for e in _against(part)})
        shown = (
            f"the test {', '.join(tests)} excludes that all deadlines are always met" if tests else "a test shows it"
        )
    return f"System {found.system.name!r} does not keep all its deadlines {under}: {who}; {shown}."


def _against(part: GroupAnalysis) -> Sequence[Evidence]:
    return part.result.evidence if part.result.verdict == "unschedulable" else ()


def margin(found: Verification) -> str:
    """The smallest margin, in words; or the largest shortfall; or why there is none."""
    known = [bound for bound in found.bounds if bound.slack is not None]
    without = len(found.bounds) - len(known)
    if not known:
        if found.verdict == "schedulable":
            return "not known: the tests prove the deadlines without computing response times"
        return "none: no task has a bound on its response time"
    least = min(known, key=lambda bound: (bound.slack or 0) / bound.deadline)
    slack = least.slack or 0
    of = f"(bound {words.time(least.wcrt)}, deadline {words.time(least.deadline)})"
    more = f"; {counted(without, 'task')} without a bound" if without else ""
    if slack < 0:
        return f"none: the bound of {least.task!r} is {words.time(-slack)} beyond its deadline {of}{more}"
    return f"{words.time(slack)} or {slack_percent(least)} of the deadline, for {least.task!r} {of}{more}"


def breakdown(found: Verification) -> str:
    """The breakdown factor with its meaning."""
    outside = [part.view.name for part in found.analysis.parts if not part.view.models]
    if outside:
        return f"none: no theorem speaks of {listed(outside)}, however short the execution times"
    factor = found.breakdown
    if factor is None:
        return "none: not provable for any positive execution times"
    share, times = float(factor), words.together(found)
    if factor >= MOST:
        return f"at least {share:g}: {times} may be {share:g} times as long"
    if factor == 1:
        return f"1.000: {times} may not grow by as much as 0.1 %"
    if factor > 1:
        sure = found.basis in PROVING + CONDITIONAL and not found.violated
        of = "no proof" if found.basis in PROVING else f"of {NAMES[found.basis]}, no proof"
        until = "and the proof holds" if sure else f"until a test fails ({of})"
        return f"{share:.3f}: {times} may grow by {100 * share - 100:.1f} % {until}"
    return f"{share:.3f}: for a proof {times} must shrink by {100 - 100 * share:.1f} %"


def consists(bound: Bound) -> str:
    """What a bound consists of, in a sentence; nothing where its parts are not known."""
    if bound.wcrt is None or not bound.parts:
        return ""
    pieces = []
    for kind in KINDS:
        mine = [part for part in bound.parts if part.kind == kind and part.amount]
        if not mine:
            continue
        noun = {"own": "its own execution", "overhead": "switches", "suspension": "waiting elsewhere"}.get(kind, kind)
        text = f"{words.time(sum(part.amount for part in mine))} of {noun}"
        if kind in ("blocking", "interference"):
            largest = max(mine, key=lambda part: part.amount)
            several = f" (largest: {largest.source}, {words.time(largest.amount)})"
            text += f" by {largest.source}" if len(mine) == 1 else several
        pieces.append(text)
    joined = pieces[0] if len(pieces) == 1 else ", ".join(pieces[:-1]) + " and " + pieces[-1]
    return f"The bound of {bound.task!r}, {words.time(bound.wcrt)}, consists of {joined}."


def failures(found: Verification) -> list[tuple[str, str]]:
    """For each part that is not proven, its name and why, the first failing task explained; refuted parts first."""
    made = []
    parts = [part for part in found.analysis.parts if found.part_verdict(part) != "schedulable"]
    for part in sorted(parts, key=lambda part: found.part_verdict(part) != "unschedulable"):
        names = [found.system.tasks[index].name for index in part.view.tasks]
        sentences = []
        counter = found.counterexample
        if counter is not None and counter.task in names:
            sentences.append(f"Counterexample: {counter}.")
        failure = part.result.first_failure
        if failure is not None:
            sentences.append(_begun(f"{failure}."))
            if failure.task in names:
                sentences.append(consists(part.result.bound(failure.task)))
        elif part.result.reason:
            sentences.append(_begun(f"{part.result.reason}."))
        made.append((f"{part.view.name} ({found.part_verdict(part)})", " ".join(filter(None, sentences))))
    return made


def _begun(sentence: str) -> str:
    """A sentence that follows another one: its first word, unless it is a name, begins with a capital."""
    return sentence[0].upper() + sentence[1:]


def evidence(found: Verification, names: Sequence[str]) -> str:
    """What the simulations showed of some tasks, labelled as what it is."""
    seen = found.observation
    if seen is None:
        return "nothing was simulated"
    places = [place for place, task in enumerate(found.system.tasks) if task.name in names]
    misses = sum(seen.misses[place] for place in places)
    worst = None
    for place in places:
        response = found.observed(place)
        if response is not None and (worst is None or response / found.bounds[place].deadline > worst[0]):
            worst = (response / found.bounds[place].deadline, response, place)
    text = f"{misses or 'no'} deadline{'s' if misses != 1 else ''} missed in {counted(seen.runs, 'run')}"
    if worst is not None:
        name = found.system.tasks[worst[2]].name
        text += f"; largest response relative to its deadline: {words.time(worst[1])} of "
        text += f"{words.time(found.bounds[worst[2]].deadline)} ({name!r})"
    return f"evidence, not proof: {text}"
