"""The steps of a proof, test by test and part by part: what `rtsched analyse --steps` prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from rtsched.model.quantities import QUANTITIES
from rtsched.model.taskgraph import ChainSpec, TaskSpec
from rtsched.schedulability.analyse import Applied, GroupAnalysis, SystemAnalysis
from rtsched.schedulability.lowering.system_chains import test_of
from rtsched.schedulability.result import Result
from rtsched.schedulability.steps import dags, demand, graphs, loads, misses, responses, several
from rtsched.schedulability.steps.bounds import generic
from rtsched.schedulability.steps.given import given
from rtsched.schedulability.steps.line import Board, BoardLine, Working
from rtsched.schedulability.steps.numbers import Scale, joined, name, scale_of
from rtsched.schedulability.theorem import theorems
from rtsched.schedulability.theorems.edf import with_one_deadline

#: By test its formula, and what writes its lines.
WRITERS: Final[dict[str, tuple[str | Callable[[Any], str], loads.Writer]]] = {
    "a6-edf": (graphs.EDF, graphs.edf),
    "a6-fp": (graphs.FP, graphs.fixed_priority),
    "a6-queues": (graphs.QUEUES, graphs.by_queue),
    "a6-work-conserving": (graphs.ANY, graphs.any_work_conserving),
    "bandwidth-servers": (
        lambda model: ("Σ Q/P ≤ m − (m − 1)·max Q/P" if model.m > 1 else "Σ Q/P ≤ 1")
        + ", then R = ⌈C/Q⌉·P, where that is at most T",
        loads.bandwidth_servers,
    ),
    "bcl": (several.BCL, several.bcl),
    "cluster-overload": ("U = Σ C/T > m, or a C > D, can never be in time", loads.overload),
    "edf-qpa": (demand.formula, demand.processor_demand),
    "edf-rta": (demand.rta_formula, demand.edf_responses),
    "edf-suspension-windows": ("R = max over e of D(e) − e, windows that begin e before the release", generic),
    "edf-vd": ("U of all ≤ 1; for hard tasks x U_LO(LO) + U_HI(HI) ≤ 1", loads.edf_vd),
    "fifo-rta": (
        lambda model: "as EDF with one deadline for all; " + demand.rta_formula(model),
        lambda model, result, scale: demand.edf_responses(with_one_deadline(model), result, scale),
    ),
    "fp-rta": (responses.formula, responses.fixed_priority),
    "gfb": ("Σ δ ≤ m − (m − 1)·max δ, with δ = C/min(D, T)", loads.gfb),
    "global-edf-rta": (several.EDF_RTA, several.global_edf_rta),
    "global-rta": (several.RTA, several.global_rta),
    "global-rta-lc": (several.RTA_LC, several.global_rta_lc),
    "graham": (dags.GRAHAM, dags.graham),
    "han1": (dags.HAN1, dags.han1),
    "han2": ("R = max over paths of Σ c + Σ vol(parallel to the path)/M over the types", dags.along_a_path),
    "heavy-first": ("each heavy task alone, the others by Σ δ ≤ m − (m − 1)·max δ", loads.heavy_first),
    "hyperbolic": ("Π (U + 1) ≤ 2", loads.hyperbolic),
    "jaffe": (dags.JAFFE, dags.jaffe),
    "limited-edf": (demand.formula, demand.processor_demand),
    "limited-fp-rta": (responses.formula, responses.fixed_priority),
    "liu-layland": ("U = Σ C/T ≤ n·(2^(1/n) − 1)", loads.liu_layland),
    "long-paths": ("R = min over j of len + (vol − what j + 1 long paths cover)/(m − j)", dags.along_a_path),
    "melani": (graphs.MELANI, graphs.melani),
    "node-order": (
        "R = max over paths of Σ c + Σ vol(parallel to the path, before it in the file)/M over the types",
        dags.along_a_path,
    ),
    "np-edf": (demand.formula, demand.processor_demand),
    "np-edf-jitter": (demand.formula, demand.processor_demand),
    "np-fp-rta": (responses.formula, responses.fixed_priority),
    "optimal-load": ("U ≤ m and every C ≤ T", loads.optimal_load),
    "overload": ("U = Σ C/T > 1 can never be in time", loads.overload),
    "pool-overload": (
        "Σ vol/T > processors of a type, or a path longer than D, can never be in time", loads.pool_overload,
    ),
    "suspension-framework": ("x = q·(C + S) + Σ W(x + Q) over the more urgent, R = x − (q − 1)·T", generic),
}  # fmt: skip

#: Tests that search, and what they look at instead of a formula.
SEARCHES: Final = {
    "exhaustive-global": "it looks at every arrival pattern, state by state",
    "fp-releases": "it follows the one schedule of all jobs",
    "horn-edf": "it follows the one schedule of all jobs",
    "mk-firm": "it follows the schedule over a cycle",
    "np-job-sets": "it looks at a graph of all schedules",
    "np-job-sets-global": "it looks at a graph of all schedules",
    "typical-worst-case": "it packs rare overload into busy periods",
}

#: What a model is about, where a test speaks of one that this part is not.
ABOUT: Final = {
    "CauseEffectChain": "cause-effect chains: asked for by 'chains'",
    "SampledChain": "cause-effect chains: asked for by 'chains'",
    "Cluster": "sequential tasks that move freely among equal processors",
    "EventNetwork": "tasks that release each other, under fixed priorities in some queue",
    "Federated": "shares of processors that are set aside for graphs",
    "FifoAccelerator": "requests to an accelerator behind a FIFO driver",
    "HeavyFirst": "heavy tasks that go before all others",
    "JobSet": "single jobs on processors that are never preempted",
    "MixedCriticality": "budgets of two criticalities",
    "Pipelines": "pipelines over processors of their own, fixed priorities in some queue",
    "PreemptiveJobs": "jobs at known instants on one preemptive processor",
    "RandomUniprocessor": "execution times as distributions",
    "ServedTasks": "tasks behind servers with budgets",
    "SharedAccelerator": "tasks that share an accelerator",
    "SplitTasks": "tasks split over processors",
    "TriggeredEDF": "tasks that release each other under EDF",
    "TypedPools": "graphs on pools of processors",
    "TypicalAndOverload": "(m,k)-firm deadlines beside rare overload",
    "Uniprocessor": "sequential tasks on one processor",
    "Unrelated": "tasks with times on several kinds of processors",
    "WeaklyHard": "(m,k)-firm deadlines",
}


def steps(analysis: SystemAnalysis) -> tuple[Board, ...]:
    """The calculation for every part of an analysed system; every number is of the computation behind the verdict.

    It runs the parts of the theorems again that iterate, to hear of their iterates.
    """
    parts = tuple(board(part, analysis) for part in analysis.parts)
    pairs = zip(analysis.system.chains, analysis.chains, strict=True)
    chains = tuple(chain_board(chain, result, analysis.system.tasks) for chain, result in pairs)
    return parts + chains + tuple(misses.board(analysis, index) for index in sorted(analysis.misses))


#: How the reaction time of a chain is added up.
CHAINS: Final = {
    "chain-clocks": "reaction = Σ over steps of one clock of the longest way in a hyperperiod: T of the first + from "
    "each arrival to the first one behind what it wrote (R or, LET, D later; its release where the next is less urgent "
    "beside it) + R or D of the last",
    "chain-latency": "reaction = T of the first + Σ max(R, T of the next + R, or + 0 where that is less urgent beside "
    "it) + R of the last",
}


def chain_board(chain: ChainSpec, result: Result, tasks: Sequence[TaskSpec]) -> Board:
    """The calculation for a cause-effect chain: its reaction as a sum, and the others; or why there is none."""
    theorem = theorems()[test_of(result, "mrt")]
    lines = []
    known = {code: result.details[f"{code}_ns"] for code in QUANTITIES if f"{code}_ns" in result.details}
    scale = scale_of([part.amount for bound in result.bounds for part in bound.parts] or list(known.values()))
    terms = [f"{scale(part.amount)} ({name(part.source)})" for bound in result.bounds for part in bound.parts]
    how = {
        "mrt": f"reaction = {joined(terms)}" if terms else "reaction",
        "mrrt": "reduced reaction, from the first read on",
        "mda": "data age, to the next output",
        "mrda": "reduced data age, to the output",
        "triggered": "latency, the responses of all that release each other",
    }
    for code, value in known.items():
        limit = chain.limits.get(code)
        holds = None if limit is None else value <= limit
        text = f"{how[code]} = {scale(value)}"
        if limit is not None:
            text += f" {'≤' if holds else '>'} {scale(limit)}"
        data = {"value_ns": value, "limit_ns": limit}
        lines.append(BoardLine("sum", text, chain.name, holds, data))
    if "open" in result.details:
        lines.append(BoardLine("words", f"each step by itself, without its clock: {result.details['open']}"))
    formula = CHAINS[theorem.name]
    found = Working(theorem.name, theorem.title, theorem.strength, result.verdict, formula, tuple(lines), result.reason)
    names = tuple(tasks[index].name for index in chain.tasks)
    return Board(f"chain {name(chain.name)}", scale.unit, names, (), (found,), ())


def board(part: GroupAnalysis, analysis: SystemAnalysis) -> Board:
    """The calculation for one part."""
    tasks = tuple(analysis.system.tasks[index].name for index in part.view.tasks)
    if part.view.obstacle is not None:
        why = part.view.obstacle
        line = BoardLine("words", f"no test applies: {why.reason}; to make it provable: {why.change}")
        return Board(name(part.view.name), "ns", tasks, (line,), (), (), ())
    scale = loads.plain_scale(part.view.models[0]) if part.view.models else Scale("ns", 1)
    applied = sorted(part.applied, key=lambda item: _place(item.theorem.name))
    exact = [item.model for item in applied if item.theorem.strength == "exact" and item.result.verdict != "unknown"]
    workings = tuple(
        replace(working(item, scale, part.view.exact), aside=any(item.model is not model for model in exact))
        for item in applied
    )
    lines = given(part.view, scale)
    if part.declared is not None:
        lines.append(_as_declared(part))
    return Board(name(part.view.name), scale.unit, tasks, tuple(lines), workings, _silent(part), _elsewhere(part))


#: The tests as a class meets them; all others come after, as they were applied.
ORDER: Final = (
    "overload", "cluster-overload", "optimal-load", "liu-layland", "hyperbolic", "gfb", "edf-vd", "fp-rta", "np-fp-rta",
    "limited-fp-rta", "edf-qpa", "np-edf", "np-edf-jitter", "limited-edf", "edf-rta", "fifo-rta", "bcl", "global-rta",
    "global-rta-lc", "global-edf-rta", "heavy-first", "edzl", "suspension-oblivious", "self-suspension",
    "suspension-framework", "suspension-assignable", "edf-suspension", "edf-suspension-windows",
    "pool-overload", "graham", "jaffe", "han1", "han2", "long-paths", "a6-fp", "a6-edf", "a6-queues",
    "a6-work-conserving", "melani",
)  # fmt: skip


def _place(test: str) -> int:
    return ORDER.index(test) if test in ORDER else len(ORDER)


#: What an exact no means where the lowering had to say too much.
NO_MISS = "in this model, which may ask for more than the system does, so that is no proof of a miss"


def working(item: Applied, scale: Scale, exact: bool = True) -> Working:
    """What one test calculated; `exact`: what its model allows, the system allows as well."""
    theorem, result = item.theorem, item.result
    formula, write = WRITERS.get(theorem.name, ("", None)) if not theorem.package else ("", None)
    cut_off = result.verdict == "unknown" and not result.bounds and theorem.strength != "necessary"
    if write is not None and not cut_off:
        lines = write(item.model, result, scale)
    else:
        lines = generic(item.model, result, scale)
        if write is None:
            lines.append(_no_steps(theorem.name, bool(lines)))
    return Working(
        theorem.name,
        theorem.title,
        theorem.strength,
        result.verdict,
        formula if isinstance(formula, str) else formula(item.model),
        tuple(lines),
        NO_MISS if result.verdict == "unschedulable" and not exact else result.reason,
    )


def _no_steps(test: str, some: bool) -> BoardLine:
    """Why there is no more."""
    if test in SEARCHES:
        return BoardLine("words", f"no calculation on a board: {SEARCHES[test]}")
    return BoardLine(
        "words", f"the steps of {test} are not written out" + ("; above are the parts of its bounds" * some)
    )


def _as_declared(part: GroupAnalysis) -> BoardLine:
    assert part.declared is not None
    jobs = part.declared.details.get("jobs", "its")
    verdict = part.declared.verdict
    seen = f"np-job-sets, which looks at a graph of all schedules of {jobs} jobs"
    text = f"with the phases held exactly as declared: {verdict}, by {seen}"
    return BoardLine("words", text)


def _silent(part: GroupAnalysis) -> tuple[tuple[str, str], ...]:
    """The tests of the models of this part that did not apply, and what they need."""
    return tuple(dict.fromkeys(part.refused))


def _elsewhere(part: GroupAnalysis) -> tuple[tuple[str, str], ...]:
    """The tests that speak of other models than those of this part, and of what."""
    found: list[tuple[str, str]] = []
    models: tuple[Any, ...] = part.view.models
    for test, theorem in theorems().items():
        if not any(isinstance(model, theorem.model) for model in models):
            about = ABOUT.get(theorem.model.__name__, f"a {theorem.model.__name__}")
            found.append((test, about))
    return tuple(found)
