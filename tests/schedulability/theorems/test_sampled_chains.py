"""Chains with phases held by clocks: published values, exact ones under LET, and rules that are missed."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from rtsched.schedulability.theorems import clocked_jobs, sampled_chains
from rtsched.schedulability.theorems.chains import let_reaction_time
from rtsched.schedulability.theorems.clocked_jobs import Clocked, latest_ends
from rtsched.schedulability.theorems.sampled_chains import SampledChain, Sampler, chain_clocks
from tests.schedulability.test_proofs import mutate


def reaction(*steps: Sampler, ahead: tuple[bool, ...] = ()) -> int:
    """The bound on the reaction time."""
    found: int = chain_clocks(SampledChain("c", steps, ahead or (False,) * (len(steps) - 1))).details["mrt_ns"]
    return found


def test_the_values_that_the_authors_publish_with_their_framework() -> None:
    # two tasks on one core, the first the more urgent: Davare 34; of one clock 10 + 10 + 3, and 20 + 10 + 1
    a, b = Sampler("a", 10, 1, clock="c"), Sampler("b", 20, 3, clock="c")
    assert reaction(a, b, ahead=(True,)) == 23
    assert reaction(b, a) == 31
    # LET with D = 7 and D = 8, periodic, and sporadic: 10 + 7 + 20 + 8
    a, b = Sampler("a", 10, 7, let=True, clock="c"), Sampler("b", 20, 8, let=True, clock="c")
    assert (reaction(a, b), reaction(b, a)) == (38, 37)
    assert reaction(replace(a, clock=""), replace(b, clock="")) == 45
    # LET and implicit of one clock, then sporadic ones: 112 when cut at each change, 107 when cut at the clock
    p = Sampler("p", 20, 8, let=True, clock="c"), Sampler("q", 20, 2, clock="c", phase=3)
    assert reaction(*p, Sampler("s", 20, 8, let=True), Sampler("t", 30, 4)) == 107


def test_a_long_hyperperiod_is_not_looked_at() -> None:
    steps = (Sampler("a", 1_000_003, 5, clock="c"), Sampler("b", 999_983, 5, clock="c"))
    found = chain_clocks(SampledChain("c", steps, (False,)))
    assert (found.verdict, found.bounds) == ("unknown", ())
    assert found.reason == "chain-clocks: a hyperperiod holds 999983 jobs of 'a', too many to look at"


def drawn(random: random.Random) -> SampledChain:
    """LET tasks of one clock, deadlines beyond and within periods."""
    steps = []
    for place in range(random.randint(2, 4)):
        T = random.choice((2, 3, 4, 6, 8))
        steps.append(Sampler(str(place), T, random.randint(1, 2 * T), 0, True, "c", random.randint(0, 9)))
    return SampledChain("c", tuple(steps), (False,) * (len(steps) - 1))


def followed(chain: SampledChain) -> tuple[int, int, int, int]:
    """The four quantities under LET, read by read and output by output, by the definitions."""
    H = math.lcm(*(step.T for step in chain.steps))
    first, last = chain.steps[0], chain.steps[-1]
    begin = 20 + 2 * sum(step.T + step.R for step in chain.steps)

    def forward(read: int) -> int:
        write = read + first.R
        for step in chain.steps[1:]:
            write = next(t for t in range(write, write + step.T) if (t - step.phase) % step.T == 0) + step.R
        return write

    def backward(read: int) -> int:
        for step in reversed(chain.steps[:-1]):
            read = next(t for t in range(read, read - 99, -1) if (t - step.R - step.phase) % step.T == 0) - step.R
        return read

    reads = [t for t in range(begin, begin + H) if (t - first.phase) % first.T == 0]
    outputs = [t for t in range(begin, begin + H) if (t - last.phase) % last.T == 0]
    mrrt = max(forward(read) - read for read in reads)
    mrt = max(forward(read + first.T) - read for read in reads)
    mda = max(read + last.T + last.R - backward(read) for read in outputs)
    mrda = max(read + last.R - backward(read) for read in outputs)
    return mrt, mrrt, mda, mrda


def test_let_is_exact_whatever_the_deadlines() -> None:
    draw = random.Random(3)
    for _ in range(150):
        chain = drawn(draw)
        found = chain_clocks(chain)
        assert tuple(found.details[f"{code}_ns"] for code in ("mrt", "mrrt", "mda", "mrda")) == followed(chain), chain
        assert found.bounds[0].exact
        assert sum(part.amount for part in found.bounds[0].parts) == found.details["mrt_ns"]


def test_let_is_that_of_the_older_formula_where_deadlines_are_periods() -> None:
    steps = tuple(Sampler(str(T), T, T, let=True, clock="c", phase=O) for T, O in ((10, 3), (4, 0), (6, 5)))
    assert reaction(*steps) == let_reaction_time([10, 4, 6], [3, 0, 5])


def by_ticks(tasks: list[Clocked], until: int) -> list[dict[int, int]]:
    """The ends of all jobs by their arrivals, tick by tick, from an empty processor on."""
    open_ones: list[list[list[int]]] = [[] for _ in tasks]
    ends: list[dict[int, int]] = [{} for _ in tasks]
    for now in range(until):
        for task, mine in zip(tasks, open_ones, strict=True):
            if now >= task.phase and (now - task.phase) % task.T == 0:
                mine.append([now, task.C])
        for place, mine in enumerate(open_ones):
            if mine:
                mine[0][1] -= 1
                if not mine[0][1]:
                    ends[place][mine.pop(0)[0]] = now + 1
                break
    return ends


def test_the_ends_of_jobs_are_those_of_the_schedule() -> None:
    draw, known = random.Random(1), 0
    for _ in range(60):
        tasks = [Clocked(draw.randint(1, 3), draw.choice((4, 5, 6, 8, 10)), draw.randint(0, 12)) for _ in range(3)]
        found = latest_ends(tasks)
        if found is None:
            continue
        known += 1
        H = math.lcm(*(task.T for task in tasks))
        for task, mine, ends in zip(tasks, found, by_ticks(tasks, 4 * H + 12), strict=True):
            assert len(mine) == H // task.T
            for arrival, end in ends.items():
                most = mine[(arrival - task.phase) // task.T % len(mine)]
                assert end - arrival <= most
                assert end - arrival == most or arrival < 2 * H
    assert known > 20
    assert latest_ends([Clocked(2, 4), Clocked(3, 6)]) is None  # no end within the period
    assert latest_ends([Clocked(1, 999_983), Clocked(1, 1_000_003)]) is None


MUTANTS = {
    "a step later": ("longest", "missed + head.T", "missed"),
    "a period too few": ("longest", "- missed", "- missed - 1"),
    "the output itself": ("longest", "last - steps[-1].T if reduced", "last if reduced"),
    "read before it is written": ("_known", "step.writes(arrival)", "arrival"),
    "a job too early": ("walk", "_known(chain, place, arrival)", "_known(chain, place, arrival) - 1"),
    "a job too late": ("walk", "_known(chain, place, arrival)", "_known(chain, place, arrival) + 1"),
    "half a hyperperiod": ("longest", "head.phase + H", "head.phase + H // 2"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, sampled_chains, *MUTANTS[name])
    with pytest.raises((AssertionError, StopIteration)):
        test_let_is_exact_whatever_the_deadlines()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("latest_ends", "range(2 * jobs, 3 * jobs)", "range(jobs)"),  # before it repeats
        ("latest_ends", "responses[turn:], *responses[:turn]", "responses,"),
        ("_serve", "min(at + rest, end)", "end"),
    ],
)
def test_a_wrong_schedule_is_noticed(name: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, clocked_jobs, name, old, new)
    monkeypatch.setitem(globals(), "latest_ends", clocked_jobs.latest_ends)
    with pytest.raises(AssertionError):
        test_the_ends_of_jobs_are_those_of_the_schedule()
