"""Policies declare themselves by what they inherit: engine and proofs read the same, and no name makes a proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rtsched import api
from rtsched.errors import InputError
from rtsched.model.policy import Homes
from rtsched.model.system import System
from rtsched.model.taskgraph import SystemSpec
from rtsched.registry import REGISTRY, Registry
from rtsched.schedulers.adaptations.subflow import SubFlow
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.orderings.edf import EDF
from rtsched.schedulers.orderings.fifo import FIFO
from rtsched.schedulers.orderings.fixed_priority import FixedPriority, RateMonotonic
from rtsched.schedulers.placements.base import Placement
from rtsched.schedulers.placements.declared import Global
from rtsched.verify.verification import verify


class LeastWork(FixedPriority):
    """Fixed priorities: the less work, the more urgent."""

    def level(self, task: Any) -> Any:
        """Smaller is more urgent."""
        return task.volume


class Disguised(EDF):
    """Takes the name of a rule that it does not follow."""

    def key(self, segment: Any) -> Any:
        """The latest deadline first."""
        return (-segment.job.deadline,)


class Upside(RateMonotonic):
    """Fixed levels that its own key does not use."""

    def key(self, segment: Any) -> Any:
        """The longest period first."""
        return (-segment.job.task.period,)


class Odd(Placement):
    """Each task on the processor of its number: known from the description alone."""

    def assign(self, system: SystemSpec) -> Homes:
        """Task by task."""
        return [[(task.index % 2,) for _ in task.nodes] for task in system.tasks]


class Swapped(Global):
    """A global placement that is none."""

    def where(self, task: Any, node: Any) -> Any:
        """The first processor only."""
        return node.eligible[:1]


class Later(SubFlow):
    """Derived from an adaptation that only shortens, without saying so itself."""


OWN = {
    ("ordering", "least-work"): LeastWork,
    ("ordering", "disguised"): Disguised,
    ("ordering", "upside"): Upside,
    ("placement", "odd"): Odd,
    ("placement", "swapped"): Swapped,
    ("adaptation", "later"): Later,
}


@pytest.fixture(autouse=True)
def _plugged_in() -> Iterator[None]:
    for (kind, name), factory in OWN.items():
        REGISTRY.register(kind, name, factory)
    yield
    for key in OWN:
        del REGISTRY.own[key]


def system(*tasks: tuple[str, int, int], cores: int = 1, **scheduler: Any) -> System:
    """Tasks of (name, C, T) in ms on equal cores."""
    return System.model_validate(
        {
            "platform": {"name": "chip", "processors": {"cpu": {"cores": cores}}},
            "tasks": [{"name": n, "wcet": c * 10**6, "period": t * 10**6} for n, c, t in tasks],
            "scheduler": scheduler,
        }
    )


SETS = system(("long", 5, 20), ("short", 2, 30), ("middle", 3, 15))


#: What proofs know; every other rule may be any.
ORDERS = {
    "fp": "FP",
    "rm": "FP",
    "dm": "FP",
    "rm-us": "FP",
    "least-work": "FP",
    "edf": "EDF",
    "edzl": "EDZL",
    "fifo": "FIFO",
}


@pytest.mark.parametrize("name", [*REGISTRY.names("ordering"), *(name for kind, name in OWN if kind == "ordering")])
def test_an_ordering_is_what_its_key_is(name: str) -> None:
    traits = api.policy(f"ordering={name}").ordering
    assert (traits.name, traits.order) == (name, ORDERS.get(name, "any"))
    assert (traits.level is not None) == (traits.order == "FP")


@pytest.mark.parametrize("name", ["edf", "fifo", "fp", "sjf", "mandatory-first", "edf-us", "edf-k", "disguised"])
def test_an_ordering_whose_keys_stay_says_so(name: str) -> None:
    assert api.policy(f"ordering={name}").ordering.steady


@pytest.mark.parametrize("name", ["lst", "llf", "rr", "edzl", "pd2"])
def test_an_ordering_whose_keys_change_says_so(name: str) -> None:
    assert not api.policy(f"ordering={name}").ordering.steady


def test_a_key_set_on_the_object_is_a_key_of_its_own() -> None:
    made = FIFO()
    made.key = lambda segment: (-segment.since,)  # type: ignore[method-assign]
    assert made.traits("fifo").order == "any"


def test_a_fixed_priority_ordering_of_seven_lines_is_proven_as_fixed_priorities_are() -> None:
    found = verify(SETS, scheduler={"ordering": "least-work"})
    assert found.verdict == "schedulable"
    assert {bound.task: bound.wcrt for bound in found.bounds} == {
        "short": 2_000_000,
        "middle": 5_000_000,
        "long": 10_000_000,
    }
    assert {bound.test for bound in found.bounds} == {"fp-rta"}
    seen = [found.observed(index) for index in range(3)]
    assert seen == [10_000_000, 2_000_000, 5_000_000]  # the critical instant attains every bound


def test_it_takes_locks_with_ceilings_as_well() -> None:
    rows = SETS.model_dump()
    rows["resources"] = {"r": {"protocol": "ceiling"}}
    for row in rows["tasks"]:
        row["sections"] = [{"resource": "r", "start": 0, "length": 10**6}]
    found = verify(System.model_validate(rows), scheduler={"ordering": "least-work"})
    assert found.verdict == "schedulable"


@pytest.mark.parametrize("name", ["disguised", "upside"])
def test_an_ordering_with_a_key_of_its_own_is_not_proven_by_what_it_inherits(name: str) -> None:
    one = system(("a", 6, 10), ("b", 6, 20), ordering=name)
    found = verify(one, runs=0)
    assert found.verdict == "unknown"
    assert str(found.analysis.policy) == f"{name} + global, preemptive"


def test_a_placement_that_assigns_is_known_to_proofs_and_one_that_only_claims_a_name_is_not() -> None:
    tasks = (("a", 6, 10), ("b", 9, 10), ("c", 3, 10))
    found = verify(system(*tasks, cores=2, ordering="rm", placement="odd"))
    assert found.verdict == "schedulable"
    assert [sorted(part.view.processors) for part in found.analysis.parts] == [[0], [1]]
    other = verify(system(*tasks, cores=2, ordering="rm", placement="swapped"), runs=0)
    assert other.verdict == "unknown"
    assert "decided at run time" in str(other.analysis.parts[0].result.reason)


def test_an_adaptation_says_itself_that_it_only_shortens() -> None:
    assert api.policy("edf+subflow").adaptation.shrinks  # type: ignore[union-attr]
    assert not api.policy("edf+later").adaptation.shrinks  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["band-heft", "band-fixed-worker", "cbs", "xrbench", "stream-priority-style"])
def test_a_whole_scheduler_is_called_by_its_name(name: str) -> None:
    policy = api.policy(name)
    assert str(policy) == name
    assert policy.whole == name


def test_a_scheduler_derived_from_the_composed_one_is_a_whole() -> None:
    class Mine(ComposedScheduler):
        """Could do anything."""

    class Own(Scheduler):
        """Likewise."""

    assert (str(api.policy(Mine())), str(api.policy(Own()))) == ("Mine", "Own")
    assert str(api.policy(ComposedScheduler(RateMonotonic()))) == "RateMonotonic + Global, preemptive"
    assert api.policy(ComposedScheduler(RateMonotonic())).order == "FP"


def test_whoever_drops_jobs_is_not_proven() -> None:
    one = system(("long", 50, 200), ("short", 2, 10), ordering="edf", admission="drop-hopeless")
    found = verify(one, runs=0)
    assert found.verdict == "unknown"
    assert "the admission 'drop-hopeless' may drop a job" in str(found.analysis.parts[0].result.reason)


@pytest.mark.parametrize(("kind", "name"), [("ordering", "edf"), ("scheduler", "rm"), ("placement", "band-heft")])
def test_nobody_takes_a_name_of_ours_whatever_the_kind(kind: str, name: str) -> None:
    with pytest.raises(InputError, match=f"'{name}' is the name of rtsched's own"):
        Registry().register(kind, name, FIFO)
