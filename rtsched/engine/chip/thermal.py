"""Heat: temperature follows power, and trip points cap frequencies with a hysteresis.

One node: C dT/dt = P - (T - ambient)/R, whose solution between changes of power is exact, so the instant at which a
trip point is met is computed, not sampled. A network of hot spots is a matrix recurrence and is sampled (as in DS3).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rtsched.engine.event_loop import NEVER, TIMER, Alarm, Appointment
from rtsched.errors import InputError
from rtsched.model.power import Thermal
from rtsched.trace import trace as log

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip
    from rtsched.model.power import ThermalNetwork, ThermalNode

#: nW in a watt, ns in a second.
WATT = SECOND = 10**9


#: No chip is hotter (or colder) than this, in °C.
ABSURD = 1e6


def _millidegrees(temperature: float) -> int:
    """A temperature as traces hold it. Raises InputError where it has run away."""
    if not -ABSURD < temperature < ABSURD:
        raise InputError(
            f"thermal: the heat runs away, to {temperature:.3g} °C; check the constants of the thermal model and of "
            "the leakage, and their units"
        )
    return round(temperature * 1000)


class Mass:
    """The chip as one thermal mass."""

    def __init__(self, chip: Chip, node: ThermalNode, ambient: float, initial: float) -> None:
        self.chip = chip
        self.resistance = node.resistance
        self.tau = node.resistance * node.capacitance * SECOND
        self.ambient = ambient
        self.temperature = initial
        self.since = 0
        self.goal = ambient

    def advance(self, now: int) -> float:
        """The temperature at `now` in °C; from here on the present power holds."""
        if now > self.since:
            self.temperature = self.goal + (self.temperature - self.goal) * math.exp((self.since - now) / self.tau)
            self.since = now
        assert self.chip.meter is not None
        self.goal = self.ambient + self.resistance * self.chip.meter.total_power / WATT
        return self.temperature

    def crossing(self, target: float, now: int) -> int | None:
        """The instant at which it reaches `target` under the present power; None if never."""
        start, goal = self.temperature, self.goal
        if not (start < target < goal or goal < target < start):
            return None
        wait = self.tau * math.log((goal - start) / (goal - target))
        return now + math.ceil(wait) if wait < self.chip.horizon else None


class HeatNetwork:
    """Hot spots that heat each other; each sample takes the mean powers since the last one."""

    def __init__(self, chip: Chip, network: ThermalNetwork, ambient: float, initial: float, period: int) -> None:
        self.chip = chip
        self.network = network
        self.ambient = ambient
        self.period = period
        self.temperatures = [initial] * len(network.a)
        self.before = [0] * len(network.inputs)

    def advance(self, now: int) -> float:
        """The temperature of the hottest spot at `now` in °C; it changes at multiples of the period."""
        meter = self.chip.meter
        assert meter is not None
        if now and now % self.period == 0:
            energies = [meter.cluster_energy(name) for name in self.network.inputs]
            watts = [(new - old) / self.period / WATT for new, old in zip(energies, self.before, strict=True)]
            self.before = energies
            above = [temperature - self.ambient for temperature in self.temperatures]
            self.temperatures = [
                self.ambient
                + math.fsum(a * x for a, x in zip(row, above, strict=True))
                + math.fsum(b * p for b, p in zip(inputs, watts, strict=True))
                for row, inputs in zip(self.network.a, self.network.b, strict=True)
            ]
        return max(self.temperatures)


class Heat:
    """The thermal model of a run: where the temperature stands, and which trip is in force (`state`, -1 for none)."""

    def __init__(self, chip: Chip, thermal: Thermal, ambient: float | None) -> None:
        self.chip = chip
        self.thermal = thermal
        air = thermal.ambient if ambient is None else ambient
        initial = air if thermal.initial is None else thermal.initial
        self.period = thermal.period or (100_000_000 if thermal.network is not None else None)
        if thermal.node is not None:
            self.body: Mass | HeatNetwork = Mass(chip, thermal.node, air, initial)
        else:
            assert thermal.network is not None
            assert self.period is not None
            self.body = HeatNetwork(chip, thermal.network, air, initial, self.period)
        self.temperature = self.peak = initial
        self.state = -1
        self.threshold = Appointment(chip.loop, TIMER, self._met)
        self.target = 0.0
        self.sample = Alarm(chip.loop, TIMER, self._sample)

    def start(self) -> None:
        """Before time starts; a chip that is hot already is throttled already."""
        hot = sum(1 for trip in self.thermal.trips if self.temperature > trip.temperature)
        if hot:
            self._enter(hot - 1)
        else:
            self.chip.note(log.TEMPERATURE, self.state, _millidegrees(self.temperature))
        if self.period is not None:
            self.chip.loop.arm(self.sample, self.period)

    def settle(self, now: int) -> None:
        """Take in a new power: where the temperature is by now, and when it meets the next threshold."""
        if self.period is not None:
            if isinstance(self.body, Mass):
                self.body.advance(now)
            return
        assert isinstance(self.body, Mass)
        self.temperature = self.body.advance(now)
        self.peak = max(self.peak, self.temperature)  # monotone in between
        found = []
        for target in self._thresholds():
            due = self.body.crossing(target, now)
            if due is not None:
                found.append((max(due, now + 1), target))
        due, self.target = min(found, default=(NEVER, 0.0))
        self.threshold.set(due if due <= self.chip.horizon else NEVER)

    def _thresholds(self) -> list[float]:
        """The next trip above, and the point at which the present one is left."""
        trips = self.thermal.trips
        found = []
        if self.state + 1 < len(trips):
            found.append(trips[self.state + 1].temperature)
        if self.state >= 0:
            found.append(trips[self.state].temperature - self.thermal.hysteresis)
        return found

    def _met(self) -> None:
        """A threshold is met: exactly then."""
        now = self.chip.loop._now
        self.chip.account(now)
        assert isinstance(self.body, Mass)
        self.body.advance(now)
        self.body.temperature = self.temperature = self.target  # met up to the rounding of the instant to 1 ns
        rising = self.state < 0 or self.target > self.thermal.trips[self.state].temperature
        self._enter(self.state + (1 if rising else -1))

    def _sample(self) -> None:
        now = self.chip.loop._now
        assert self.period is not None
        self.chip.account(now)
        hottest = self.temperature = self.body.advance(now)
        self.peak = max(self.peak, hottest)
        self.chip.note(log.TEMPERATURE, self.state, _millidegrees(hottest))
        state = self.state
        for number, trip in enumerate(self.thermal.trips):
            if hottest > trip.temperature and state < number:
                state = number
            elif state == number and hottest < trip.temperature - self.thermal.hysteresis:
                state -= 1
        if state != self.state:
            self._enter(state)
        if self.chip.alive():
            self.chip.loop.arm(self.sample, now + self.period)
        self.chip.touch()  # static power follows the temperature

    def _enter(self, state: int) -> None:
        """Another trip is in force: its caps hold, those of the one before do not."""
        self.state = state
        chip = self.chip
        chip.note(log.TEMPERATURE, state, _millidegrees(self.temperature))
        caps = self.thermal.trips[state].caps if state >= 0 else {}
        for domain in chip.domains:
            cap = caps.get(domain.units[0].spec.cluster)
            if cap is None:
                domain.limit(domain.highest)
            else:
                domain.limit(max(index for index, hertz in enumerate(domain.points) if hertz <= cap))
        named = {cluster for trip in self.thermal.trips for cluster in trip.caps}
        chip.tell([p.index for p in chip.processors if p.cluster in named], "temperature")
