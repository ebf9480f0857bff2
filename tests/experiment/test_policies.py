"""Policies by name, mapping, class or object, and what tells two of them apart."""

from __future__ import annotations

import pytest

from rtsched import ComposedScheduler, InputError, Scheduler
from rtsched.experiment.policies import choices
from rtsched.schedulers.orderings.edf import EDF


class Lazy(Scheduler):
    """Starts nothing for as long as it was told."""

    def __init__(self, rest: int = 0) -> None:
        self.rest = rest
        self.seen: list[int] = []

    def dispatch(self):
        """Nothing."""


def test_each_has_a_label_and_makes_a_new_scheduler_for_every_run():
    found = choices(["edf", {"ordering": "rm", "placement": "first-fit"}, Lazy, ComposedScheduler(EDF())])
    assert [each.label for each in found][:3] == ["edf", "{ordering: rm, placement: first-fit}", "Lazy"]
    for each in found:
        assert each.make() is not each.make()


def test_objects_are_copied_as_they_were_given():
    mine = Lazy(3)
    (choice,) = choices(mine)
    choice.make().seen.append(1)
    assert (choice.make().rest, choice.make().seen, mine.seen) == (3, [], [])


def test_labels_are_given_by_a_mapping():
    assert [(each.label, each.what) for each in choices({"A": "edf", "B": Lazy})] == [("A", "edf"), ("B", Lazy)]


def test_the_same_name_twice_counts_once_but_two_objects_need_labels():
    assert len(choices(["edf", "rm", "edf"])) == 2
    with pytest.raises(InputError, match="two policies are called"):
        choices([Lazy(1), Lazy(2)])


@pytest.mark.parametrize("wrong", [3, [None], [int]])
def test_what_is_no_policy_is_refused(wrong):
    with pytest.raises(InputError, match="policy"):
        choices(wrong)


def test_fingerprints_tell_parameters_apart_and_nothing_else():
    def prints(*policies):
        return [each.fingerprint() for each in choices({str(place): each for place, each in enumerate(policies)})]

    same = prints("rm+first-fit", {"placement": "first-fit", "name": "rm"}, {"name": "rm", "placement": "first-fit"})
    assert len(set(same)) == 1
    assert len(set(prints(Lazy(1), Lazy(2), Lazy, "edf", "rm"))) == 5
    assert prints(Lazy(1)) == prints(Lazy(1))
    assert "tests.experiment.test_policies:Lazy" in prints(Lazy)[0]  # with the source, so that an edit is noticed


def test_a_file_names_no_code():
    (choice,) = choices(["tests.experiment.test_policies:Lazy"], code=False)
    with pytest.raises(InputError, match="names code, which a file may not"):
        choice.make()
    assert isinstance(choices(["tests.experiment.test_policies:Lazy"])[0].make(), Lazy)
