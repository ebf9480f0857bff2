"""Energy per work of Snapdragon 865 and 888 over all operating points, against what was measured.

tests/data/power/freqbench.csv holds the rows of two runs of freqbench (Danny Lin, MIT licence, see platforms/NOTICE.md):
the energy in joules of the same CoreMark work at every clock of one busy core.
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import median

import pytest

from rtsched.api import Loaded, load, simulate
from rtsched.model.catalogue import load_platform
from rtsched.model.power import PowerOptions
from rtsched.model.system import System
from rtsched.units import S

ROWS = list(csv.DictReader((Path(__file__).parents[2] / "data/power/freqbench.csv").read_text().splitlines()))
CHIPS = {"snapdragon_865": "sm8250/main", "snapdragon_888": "sm8350/main"}
CLUSTERS = {"1": "silver", "4": "gold", "7": "prime"}


def measured(chip: str, cpu: str) -> dict[int, float]:
    """MHz: joules for the same work."""
    return {
        int(row["mhz"]): float(row["energy_j"]) for row in ROWS if row["soc_run"] == CHIPS[chip] and row["cpu"] == cpu
    }


def simulated(chip: str, cpu: str) -> dict[int, float]:
    """The same, simulated: one job of the work on one core at each fixed clock. The only input beside the platform is
    the work, as the time it takes at the highest clock: that point's measured energy over its power."""
    platform = load_platform(chip)
    cluster = platform.processors[CLUSTERS[cpu]]
    points = cluster.operating_points
    assert points is not None
    top = points[-1]
    assert top.milliwatt is not None
    time = round(measured(chip, cpu)[top.frequency // 10**6] / (top.milliwatt / 1000) * S)
    found = {}
    for point in points:
        governor = {"name": "fixed", "frequency": point.frequency}
        system = System(
            platform=chip,
            power=PowerOptions.model_validate({"clusters": {CLUSTERS[cpu]: governor}}),
            tasks=[{"name": "work", "wcet": {CLUSTERS[cpu]: time}, "release": 0, "deadline": 1000 * S}],
        )
        trace = simulate(load(Loaded(system, platform)), until=1)
        found[point.frequency // 10**6] = trace.energy.tasks[0] / 1e9
    return found


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("cpu", CLUSTERS)
def test_energy_per_work_within_five_per_cent_at_every_operating_point(chip: str, cpu: str) -> None:
    truth, model = measured(chip, cpu), simulated(chip, cpu)
    assert set(truth) == set(model)
    errors = {mhz: model[mhz] / truth[mhz] - 1 for mhz in truth}
    assert max(map(abs, errors.values())) < 0.01  # measured: at most 0.8 %


@pytest.mark.parametrize("chip", CHIPS)
def test_top_clock_over_best_clock(chip: str) -> None:
    """1.76 for the 865's prime core, 2.13 for the 888's."""
    energy = simulated(chip, "7")
    best = min(energy.values())
    assert energy[2841] / best == pytest.approx({"snapdragon_865": 1.76, "snapdragon_888": 2.13}[chip], abs=0.02)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("cpu", CLUSTERS)
def test_how_far_the_clock_alone_goes(chip: str, cpu: str) -> None:
    """Without the measured scores, time in inverse proportion to the clock: right wherever the core ran undisturbed.

    Where the score per MHz is 2 % or more below its median (seven points of the 888), the energy falls short by as much.
    """
    rows = [row for row in ROWS if row["soc_run"] == CHIPS[chip] and row["cpu"] == cpu]
    per_mhz = {int(row["mhz"]): float(row["coremark_per_s"]) / float(row["mhz"]) for row in rows}
    usual = median(per_mhz.values())
    top = rows[-1]
    work = float(top["energy_j"]) / float(top["power_mw"])
    disturbed = 0
    for row in rows:
        mhz = int(row["mhz"])
        energy = work * float(top["mhz"]) / mhz * float(row["power_mw"])
        error = energy / float(row["energy_j"]) - 1
        assert error == pytest.approx(per_mhz[mhz] / usual - 1, abs=0.01)
        disturbed += per_mhz[mhz] < 0.98 * usual
    assert disturbed == {("snapdragon_888", "4"): 2, ("snapdragon_888", "7"): 5}.get((chip, cpu), 0)
