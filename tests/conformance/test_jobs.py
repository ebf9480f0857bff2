"""Several processes see what one would; who dies in one is told of."""

from __future__ import annotations

import os

import pytest

import rtsched
from rtsched.errors import InputError
from tests.cli.command import answer
from tests.conformance.broken import policies


class Deadly(policies.Sound):
    """Takes its process with it."""

    def setup(self, soc: object) -> None:
        if os.getpid() != PARENT:
            os._exit(1)


PARENT = os.getpid()


def test_several_processes_find_what_one_does() -> None:
    for policy, only in ((policies.Idler, ["ends", "work-conserving"]), ("edf+early-exit", ["ends", "monotone"])):
        one, three = (
            rtsched.check_scheduler(
                policy, systems=5, only=only, others=False, shrink=policy is policies.Idler, jobs=jobs
            )
            for jobs in (1, 3)
        )
        assert one.to_dict() == three.to_dict()
        assert one.digests == three.digests
        assert len(one.costs) == len(three.costs)


def test_a_process_that_dies_each_time_is_told_with_its_system() -> None:
    found = rtsched.check_scheduler(Deadly, systems=4, only=["ends"], jobs=2)
    assert found.failed == ("ends",)
    assert found.systems == 1
    example = found.row("ends").example
    assert example is not None
    assert example.text == "the process that ran it was killed each time (is there enough memory?)"
    assert example.trial.plain.trace is None  # nobody runs it here


def test_who_hangs_is_stopped_there_too() -> None:
    found = rtsched.check_scheduler(policies.Endless, only=["ends"], limit=0.2, jobs=2)
    assert (found.failed, found.systems, found.hung) == (("ends",), 1, True)


def test_what_other_processes_cannot_make_is_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"cannot be sent to another process .* jobs=1"):
        rtsched.check_scheduler(lambda: policies.Needs(3), jobs=2)
    with pytest.raises(InputError, match="jobs: processes, at least one"):
        rtsched.check_scheduler("fifo", jobs=0)


def test_the_command_takes_jobs() -> None:
    told = [answer("check-scheduler", "fifo", "--systems", "3", "--only", "rules", "--json", "-j", j) for j in "12"]
    assert told[0] == told[1]
