"""The verdict alone is the verdict of the whole analysis, whatever the order in which the tests are asked."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

import rtsched
from rtsched import api
from rtsched.schedulability import judge as module
from rtsched.schedulability.analyse import analyse
from rtsched.schedulability.judge import judge
from rtsched.schedulability.result import Result
from rtsched.schedulability.theorem import Theorem, theorems
from rtsched.schedulability.theorems import interference
from rtsched.schedulability.theorems.utilisation import within_hyperbolic, within_liu_layland


def both(source: Any, policy: str) -> str:
    """The verdict of both."""
    source = {"platform": "uniprocessor", **source}
    loaded = api.load(source)
    lowered = loaded.lower(largest=True)
    chosen = api.policy(policy).on(lowered)
    found = judge(lowered, chosen)
    assert found == analyse(lowered, chosen, declared=False).verdict, (source, policy)
    return found


@pytest.mark.parametrize(
    ("platform", "policies", "load", "more"),
    [
        ("uniprocessor", ("dm", "edf", "fifo", "edf+nonpreemptive", "dm+nonpreemptive"), 0.6, {}),
        ("uniprocessor", ("dm", "edf"), 0.97, {"jitter": 0.2, "deadlines": {"kind": "constrained"}}),
        ("multicore:2", ("dm", "edf", "edf+first-fit", "dm+worst-fit", "edf+nonpreemptive", "edzl"), 0.55, {}),
        ("multicore:3", ("dm", "edf", "fifo"), 0.3, {"graph": {"kind": "fork-join"}}),
        ("rk3588", ("dm+first-fit", "edf+first-fit"), 0.4, {"tasks": 8}),
    ],
)
def test_drawn_systems(platform: str, policies: tuple[str, ...], load: float, more: dict[str, Any]) -> None:
    asked = {"tasks": 4, "utilisation": load, "platform": platform, **more}
    seen: Counter[str] = Counter()
    for number, system in enumerate(rtsched.generate(asked, count=3, seed=5)):
        for policy in policies[number % 2 :: 2] if len(policies) > 3 else policies:
            seen[both(system, policy)] += 1
    assert seen


def test_chains_and_obstacles() -> None:
    """What a chain requires counts, and what no model holds is unknown."""
    tasks: list[dict[str, Any]] = [
        {"name": "a", "wcet": "1 ms", "period": "10 ms"},
        {"name": "b", "wcet": "1 ms", "period": "10 ms"},
    ]
    assert both({"tasks": tasks}, "edf") == "schedulable"
    chain = {"name": "c", "tasks": ["a", "b"], "max_reaction": "12 ms"}
    assert both({"tasks": tasks, "chains": [chain]}, "fp") != "schedulable"
    assert both({"tasks": tasks}, "prema") == "unknown"
    assert both({"tasks": [{**tasks[0], "wcet": "11 ms"}, tasks[1]]}, "edf") == "unschedulable"


def test_every_test_in_a_turn_exists() -> None:
    covering = {name for names in module.COVERED.values() for name in names}
    assert set(module.FIRST) | set(module.LAST) | set(module.COVERED) | covering | set(module.AT_ONCE) <= set(
        theorems()
    )


@pytest.mark.parametrize("policy", ["dm", "edf"])
def test_what_covers_a_test_accepts_more_and_bounds_no_less_tightly(policy: str) -> None:
    """Of all pairs, on sets about the edge; and whoever says yes at once says what its theorem says."""
    said: Counter[tuple[str, str, str]] = Counter()
    shapes: list[dict[str, Any]] = [{}, {"deadlines": {"kind": "constrained"}}, {"graph": {"kind": "layered"}}]
    for place, load in enumerate((0.4, 0.5, 0.55, 0.6, 0.7, 0.45)):
        asked = {"tasks": 5, "utilisation": load, "platform": f"multicore:{2 + place % 2}", **shapes[place % 3]}
        for system in rtsched.generate(asked, count=4, seed=place):
            lowered = api.load(system).lower(largest=True)
            (part,) = analyse(lowered, api.policy(policy), declared=False).parts
            found = {item.theorem.name: item for item in part.applied}
            for name, item in found.items():
                for over in module.COVERED.get(name, ()):
                    if over in found and module._same(found[over].model, item.model):
                        verdict = found[over].result.verdict
                        said[name, over, verdict] += 1
                        assert verdict == "schedulable" or item.result.verdict != "schedulable", (name, over, system)
                        if item.result.verdict == "schedulable":
                            for mine, theirs in zip(item.result.bounds, found[over].result.bounds, strict=True):
                                assert (theirs.wcrt or 0) <= (mine.wcrt or 0), (name, over, system)
                if name in module.AT_ONCE:
                    yes = module.AT_ONCE[name](item.model)
                    said[name, "at once", str(yes)] += 1
                    assert not yes or item.result.verdict == "schedulable"
    pairs = {(name, over) for name, over, _ in said}
    assert pairs >= {("melani", "a6-fp"), ("a6-fp", "global-rta-lc")} or pairs >= {("global-edf-rta", "a6-edf")}
    assert all(len({verdict for name, over, verdict in said if (name, over) == pair}) == 2 for pair in pairs), said


def test_a_search_that_was_cut_off_covers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the looks of a6-edf are spent, global-edf-rta is asked all the same."""
    tasks = [{"name": name, "wcet": "4 ms", "period": "7 ms"} for name in "abc"] + [  # its C are too many to explore
        {"name": "d", "wcet": "1 ms", "period": "70 ms"}
    ]
    lowered = api.load({"platform": "multicore:2", "tasks": tasks}).lower(largest=True)
    asked: list[str] = []
    real = Theorem.answer

    def noting(self: Theorem, model: Any) -> Result:
        asked.append(self.name)
        return real(self, model)

    monkeypatch.setattr(Theorem, "answer", noting)
    assert judge(lowered, api.policy("edf")) == "unknown"
    assert "a6-edf" in asked
    assert "global-edf-rta" not in asked
    monkeypatch.setattr(interference, "MOST_LOOKS", 1)
    asked.clear()
    assert judge(lowered, api.policy("edf")) == "unknown"
    assert {"a6-edf", "global-edf-rta", "melani"} <= set(asked)


def test_bounds_on_the_utilisation_are_exact() -> None:
    """Against the powers and products themselves, on and beside the bound, also far beyond doubles."""
    for n in (1, 2, 3, 5):
        for unit in (7, 10**9, 10**40):
            root = round(unit * (2 ** (1 / n) - 1)) if unit < 10**12 else math.isqrt(2 * unit * unit) - unit
            for off in (-1, 0, 1):
                loads = [(max(1, root + off * (place == 0)), unit) for place in range(n)]
                shares = [Fraction(C, T) for C, T in loads]
                assert within_liu_layland(loads) == ((sum(shares) / n + 1) ** n <= 2), loads
                assert within_hyperbolic(loads) == (math.prod(share + 1 for share in shares) <= 2), loads
    assert within_hyperbolic([(1, 2), (1, 3)])
    assert not within_hyperbolic([(1, 2), (10**2000 + 1, 3 * 10**2000)])
