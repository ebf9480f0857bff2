"""A battery that is filled again, and a chip that goes off when it is empty. Times below are worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import rtsched
from rtsched.engine.chip import battery as room
from rtsched.engine.chip.battery import Store
from rtsched.errors import InputError
from rtsched.model.known import known_before
from rtsched.schedulers.base import Scheduler
from rtsched.trace.trace import BATTERY, DOWN, UP
from rtsched.verify import words

MS = 1_000_000


def system(battery: dict[str, Any], **task: Any) -> dict[str, Any]:
    """A core that draws 10 mW when busy and nothing else, 2 ms of every 10."""
    return {
        "platform": {"name": "node", "processors": {"mcu": {"power": {"active": "10 mW"}}}},
        "power": {"battery": {"capacity": "100 uJ", **battery}},
        "tasks": [{"name": "t", "wcet": "2 ms", "period": "10 ms", **task}],
    }


class Listener(Scheduler):
    """Runs what is ready, and writes down what it is told of the battery."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, dict[str, Any], float]] = []

    def on_environment(self, change: dict[str, Any]) -> None:
        assert self.soc.charge is not None
        self.heard.append((self.soc.now / MS, change, round(self.soc.charge, 6)))

    def dispatch(self) -> None:
        for segment in self.soc.ready:
            self.soc.start(segment.job, segment, self.soc.processors[0])


def test_levels_are_told_when_the_charge_falls_to_them_and_when_it_is_well_above_again() -> None:
    """From 50 uJ 8 mW go for 2 ms, 2 mW come for 8: 40 uJ at 1.25 ms, 34 at 2, 41 at 5.5, 50 again at 10."""
    told = Listener()
    trace = rtsched.simulate(system({"charge": 0.5, "levels": [0.4], "harvest": "2 mW"}), scheduler=told, until="20 ms")
    assert told.heard == [
        (time + late, {"battery": charge}, charge) for late in (0, 10) for time, charge in ((1.25, 0.4), (5.5, 0.41))
    ]
    assert [int(row["value"]) for row in trace.changes if row["what"] == BATTERY] == [400, 410] * 2
    assert not trace.check()


def test_what_comes_when_it_is_full_is_lost() -> None:
    """5 mW net go for 2 ms, 5 come: full again at 4 ms, and 30 uJ are lost until 10; from 10 ms on nothing comes."""
    about = {"levels": [], "harvest": [{"at": "0 ms", "power": "5 mW"}, {"at": "10 ms", "power": "0 W"}]}
    figures = rtsched.summary(rtsched.simulate(system(about), until="20 ms"))
    assert figures.hardware is not None
    assert figures.hardware.battery is not None
    battery = figures.hardware.battery
    assert (battery.start, battery.end, battery.least) == (1.0, 0.8, 0.8)
    assert (battery.harvested, battery.lost, battery.short, battery.stops) == (50_000, 30_000, 0, 0)


def test_policies_hear_of_the_harvest_and_read_it() -> None:
    class Reader(Listener):
        def on_environment(self, change: dict[str, Any]) -> None:
            assert change == {"harvest": self.soc.harvest}
            super().on_environment(change)

    told = Reader()
    about = {"levels": [], "harvest": [{"at": "0 ms", "power": "1 mW"}, {"at": "7 ms", "power": "3 mW"}]}
    rtsched.simulate(system(about), scheduler=told, until="10 ms")
    assert [(time, change) for time, change, _ in told.heard] == [(7.0, {"harvest": 3000})]


@pytest.mark.parametrize(
    ("fate", "ends", "outcomes"),
    [
        # From 10 uJ at 9 mW: empty at 1.1 ms (rounded up to the ns); 30 uJ at 1 mW: back 30 ms later. By then four jobs
        # wait: a whole one at 9 mW net needs 18 uJ, so that the first, anew, and 1.2 ms of the second are run.
        ("restart", [33_111_112], 1),
        # 888,888 ns are left of the first: 8 uJ; the second takes 18; the third gets 0.4 ms
        ("resume", [32_000_000, 34_000_000], 2),
        ("drop", [33_111_112], 1),
    ],
)
def test_an_empty_one_stops_the_chip_until_there_is_enough_again(fate: str, ends: list[int], outcomes: int) -> None:
    battery = {"charge": 0.1, "harvest": "1 mW", "restart": 0.3}
    trace = rtsched.simulate(system(battery, on_fault=fate), until="40 ms")
    down = [int(row["time"]) for row in trace.changes if row["what"] == DOWN]
    up = [int(row["time"]) for row in trace.changes if row["what"] == UP]
    assert down[0] == 1_111_112
    assert up[0] == 31_111_112
    finished = sorted(int(job["finish"]) for job in trace.jobs if 0 < job["finish"] < down[1] and job["outcome"] < 2)
    assert finished == ends
    assert len(finished) == outcomes
    assert not trace.check()


def test_nothing_is_drawn_while_the_chip_is_off() -> None:
    about = system({"capacity": "100 mJ", "charge": 0.0001, "restart": 0.5, "harvest": "1 mW"})
    about["platform"]["base_power"] = "2 W"
    trace = rtsched.simulate(about, until="10 ms")
    assert trace.energy is not None
    assert trace.energy.store is not None
    # 10 uJ against 2.009 W: 4978 ns, from which on nothing but the harvest moves
    assert trace.energy.store.off == 20 * MS - 4978
    assert trace.energy.store.end == 1000 * 1000 * (20 * MS - 4978)


def test_without_restart_an_empty_one_stops_nothing_and_says_how_much_was_missing() -> None:
    trace = rtsched.simulate(system({"charge": 0.1}), until="10 ms")
    assert trace.energy is not None
    assert trace.energy.store is not None
    assert trace.energy.store.short == 10_000 * 10**9
    assert not trace.energy.store.stops
    assert not trace.changes[trace.changes["what"] == DOWN].size


def test_a_level_is_not_told_while_nothing_is_drawn() -> None:
    """8 uJ are gone after 0.8 ms, when the job ends; the level, 2 uJ further on, is met by the next job at 10.2 ms."""
    told = Listener()
    rtsched.simulate(system({"levels": [0.9]}, wcet="800 us"), scheduler=told, until="20 ms")
    assert told.heard == [(10.2, {"battery": 0.9}, 0.9)]


def test_who_plans_does_not_know_what_will_be_harvested() -> None:
    loaded = rtsched.load(system({"harvest": "2 mW"}))
    hardware = known_before(loaded.lower()).hardware
    assert hardware is not None
    assert hardware.power is not None
    assert hardware.power.battery is not None
    assert hardware.power.battery.harvest == ()


def test_no_verdict_is_proven_of_a_chip_that_may_go_off() -> None:
    assert rtsched.analyse(system({})).verdict == "schedulable"
    found = rtsched.analyse(system({"restart": 0.1, "capacity": "1 Wh"}))
    assert found.verdict == "unknown"
    assert "goes off when its battery is empty" in "\n".join(words.part(found, found.analysis.parts[0]))


@pytest.mark.parametrize(
    ("battery", "problem"),
    [
        ({"harvest": [{"at": "5 ms", "power": "1 W"}, {"at": "5 ms", "power": "2 W"}]}, "must ascend"),
        ({"harvest": "-1 W"}, "harvest"),
        ({"restart": 0}, "restart"),
    ],
)
def test_what_cannot_be_is_refused(battery: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        rtsched.simulate(system(battery), until="10 ms")


def test_energy_from_nowhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant that forgets what is lost on a full battery, and one whose chip draws while it is off."""
    full = system({"harvest": "5 mW"})
    plain = Store.account

    def forgetful(self: Store, now: int) -> None:
        plain(self, now)
        self.lost = 0

    monkeypatch.setattr(room.Store, "account", forgetful)
    assert any(
        "what left the battery is not what came in" in each for each in rtsched.simulate(full, until="10 ms").check()
    )
    monkeypatch.setattr(room.Store, "account", plain)
    trace = rtsched.simulate(full, until="10 ms")
    assert trace.energy is not None
    assert trace.energy.store is not None
    wrong = replace(trace.energy, store=replace(trace.energy.store, capacity=1))
    assert replace(trace, energy=wrong).check() == ["the battery's charge leaves 0..1"]
