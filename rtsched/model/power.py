"""Power and heat: operating points, governors, batteries, thermal models with trip points."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rtsched.model.base import Duration, Energy, Frequency, Model, PositiveDuration, Power, problem

Celsius = Annotated[float, Field(gt=-273.15, lt=1000)]
Share = Annotated[float, Field(ge=0, le=1)]


def _course(value: Any) -> Any:
    """A single power holds from the beginning."""
    return [{"at": 0, "power": value}] if isinstance(value, str | int | float) else value


class OperatingPoint(Model):
    """A frequency a cluster can run at, with the voltage or the power that was measured there."""

    frequency: Frequency
    microvolt: int | None = Field(default=None, gt=0)
    milliwatt: float | None = Field(default=None, gt=0, description="of one busy processor")
    busy_milliwatt: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        default=None, min_length=1, description="of the whole cluster with 1, 2, ... busy processors"
    )
    score: float | None = Field(
        default=None, gt=0, description="measured work per second, in any unit; compute time then follows it"
    )


class Leakage(Model):
    """Static power of one processor: V c1 T^2 exp(-c2 / T) + gate V, in W, with T in kelvin and V in volts.

    The form of DS3 (Arda et al.). T is the temperature as last noted (or the ambient one without a thermal model), so a
    thermal model should be sampled.
    """

    c1: Annotated[float, Field(ge=0)]
    c2: Annotated[float, Field(ge=0)]
    gate: Annotated[float, Field(ge=0)] = 0.0


class PowerModel(Model):
    """What one processor of a cluster draws: `active` when busy at its top frequency, `idle` when not.

    Powers of the operating points go before `active`. Else the power falls with frequency and squared voltage where
    voltages are known (``coefficient`` in uW per MHz and V^2, or calibrated from `active`), else with frequency
    alone, which is marked assumed.
    """

    active: Power | None = None
    idle: Power = 0
    coefficient: Annotated[float, Field(gt=0)] | None = Field(default=None, description="uW / (MHz V^2)")
    leakage: Leakage | None = None


class Governor(Model):
    """Who sets the frequency of a cluster.

    ``performance`` (top), ``powersave`` (bottom), ``fixed`` (at `frequency`), ``userspace`` (the policy, with
    ``soc.set_speed``), ``ondemand`` (each `period`: a busy share above `up` goes to the top, below `down` one point
    down), ``schedutil`` (1.25 x top x busy share, next point up; in the style of Linux).
    """

    name: Literal["performance", "powersave", "fixed", "userspace", "ondemand", "schedutil"]
    frequency: Frequency | None = None
    period: PositiveDuration = 10_000_000
    up: Share = 0.8
    down: Share = 0.3

    @model_validator(mode="after")
    def _fits(self) -> Governor:
        if (self.frequency is not None) != (self.name == "fixed"):
            raise problem("'frequency' belongs to the governor 'fixed', which needs one")
        if self.down >= self.up:
            raise problem("'down' must lie below 'up'")
        for key, who in (("period", ("ondemand", "schedutil")), ("up", ("ondemand",)), ("down", ("ondemand",))):
            if self.name not in who and getattr(self, key) != type(self).model_fields[key].default:
                raise problem(f"{key!r} has no effect on the governor {self.name!r}; leave it out", key)
        return self


def _governor(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


GovernorChoice = Annotated[Governor, BeforeValidator(_governor)]


class Trip(Model):
    """Above `temperature` (in °C) the named clusters run no faster than their cap."""

    temperature: Celsius
    caps: dict[str, Frequency] = Field(min_length=1)


class ThermalNode(Model):
    """The whole chip as one mass: C dT/dt = P - (T - ambient) / R."""

    resistance: Annotated[float, Field(gt=0, description="K/W")]
    capacitance: Annotated[float, Field(gt=0, description="J/K")]


class ThermalNetwork(Model):
    """Hot spots, sampled: T[k+1] = A (T[k] - ambient) + B P + ambient, every `period`.

    `inputs` name the columns of B: clusters, or ``base`` for the platform's constant power; each stands for the total
    power in watts of what it names, averaged over the period.
    """

    a: tuple[tuple[float, ...], ...] = Field(min_length=1)
    b: tuple[tuple[float, ...], ...] = Field(min_length=1)
    inputs: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _square_and_stable(self) -> ThermalNetwork:
        size = len(self.a)
        if any(len(row) != size for row in self.a):
            raise problem(f"'a' has {size} rows, so each needs {size} numbers")
        if len(self.b) != size or any(len(row) != len(self.inputs) for row in self.b):
            raise problem(f"'b' needs {size} rows of {len(self.inputs)} numbers, one per input")
        import numpy as np

        largest = float(max(abs(np.linalg.eigvals(np.array(self.a)))))
        if largest >= 1:
            raise problem(
                f"the thermal network diverges: an eigenvalue of 'a' has magnitude {largest:.6g}; it must be below 1"
            )
        return self


class Thermal(Model):
    """A thermal model with trip points.

    One `node` (trips are met at the exact instant; with a `period`, at the next multiple of it) or a `network`
    (sampled every `period`, by default 100 ms, our choice). Caps of trip i hold until the hottest point is
    `hysteresis` degrees below it.
    """

    ambient: Celsius = 25.0
    initial: Celsius | None = None
    node: ThermalNode | None = None
    network: ThermalNetwork | None = None
    period: PositiveDuration | None = None
    trips: tuple[Trip, ...] = ()
    hysteresis: Annotated[float, Field(gt=0, le=100)] = 3.0

    @model_validator(mode="after")
    def _one_model(self) -> Thermal:
        if (self.node is None) == (self.network is None):
            raise problem("a thermal model has either one 'node' or a 'network'")
        temperatures = [trip.temperature for trip in self.trips]
        if temperatures != sorted(set(temperatures)):
            raise problem("trip temperatures must ascend")
        return self


class HarvestPoint(Model):
    """From `at` on so much power comes in."""

    at: Duration
    power: Power


class Battery(Model):
    """A store of energy; policies are told when the charge falls to one of the `levels` (shares of the capacity).

    It is filled by what is harvested: one power, or a course of them; what comes when it is full is lost. An empty one
    stops nothing, unless `restart` says at which charge the chip, which then goes off when it is empty, comes back.
    """

    capacity: Energy
    charge: Annotated[float, Field(gt=0, le=1)] = 1.0
    levels: tuple[Share, ...] = (0.5, 0.2, 0.1, 0.0)
    harvest: Annotated[tuple[HarvestPoint, ...], BeforeValidator(_course)] = ()
    restart: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Battery:
        if not self.capacity:
            raise problem("a battery's capacity must be positive, e.g. '15 Wh'")
        if any(later.at <= earlier.at for earlier, later in pairwise(self.harvest)):
            raise problem("the instants of 'harvest' must ascend")
        return self


class PowerOptions(Model):
    """The power side of a run; without it every processor runs at its top frequency and no energy is counted."""

    governor: GovernorChoice = Governor(name="performance")
    clusters: dict[str, GovernorChoice] = {}
    mode: str | None = Field(default=None, description="a power mode of the platform")
    switch_latency: Duration | None = Field(default=None, description="of a frequency change; default: the platform's")
    stall: bool = Field(default=True, description="whether work stands still during a frequency change")
    thermal: Thermal | None = Field(default=None, description="instead of the platform's")
    battery: Battery | None = None
    ambient: Celsius | None = None
    bytes_energy: Annotated[float, Field(ge=0, description="pJ per byte of DRAM traffic")] = 0.0


UNKNOWN = "its power is not known, so its energy is not counted"


def time_scales(points: tuple[OperatingPoint, ...], top: int) -> list[float]:
    """How many times as long compute-bound work takes at each point as at frequency `top`.

    Where every point has a measured score, the time follows the scores; else it is in inverse proportion to the
    frequency.
    """
    scores = [point.score for point in points if point.score is not None]
    if len(scores) < len(points):
        return [top / point.frequency for point in points]
    return [scores[-1] / score * (top / points[-1].frequency) for score in scores]


def active_powers(
    points: tuple[OperatingPoint, ...], power: PowerModel | None, top: int | None
) -> tuple[list[int], str]:
    """What one busy processor draws at each operating point, in nW, and how that is known ("" where measured).

    Measured powers first. Else C f V^2 with the given coefficient C, or with the C that the active power at the top
    point implies; else, without voltages, the active power in proportion to the frequency. Powers between measured
    points are interpolated.
    """
    if not points:
        active = None if power is None else power.active
        return [(active or 0) * 1000], "" if active is not None else UNKNOWN
    whole = cluster_powers(points)
    if whole is not None:
        every = all(point.busy_milliwatt is not None for point in points)
        return [each[0] for each in whole], "" if every else "power at some operating points scaled with f V^2"
    measured = [point.milliwatt for point in points]
    if any(watts is not None for watts in measured):
        return [round(watts * 10**6) for watts in _interpolated(points, measured)], (
            "" if None not in measured else "power at some operating points interpolated between measured ones"
        )
    volts = [None if point.microvolt is None else point.microvolt / 1e6 for point in points]
    megahertz = [point.frequency / 1e6 for point in points]
    if power is None or (power.active is None and power.coefficient is None):
        return [0] * len(points), UNKNOWN
    if None not in volts:
        squares = [mhz * volt * volt for mhz, volt in zip(megahertz, volts, strict=True) if volt is not None]
        if power.coefficient is not None:
            return [round(power.coefficient * each * 1000) for each in squares], "power derived: coefficient x f V^2"
        assert power.active is not None
        return [round(power.active * 1000 * each / squares[-1]) for each in squares], (
            "power derived: f V^2, calibrated by the active power"
        )
    if power.active is not None:
        top = top or points[-1].frequency
        return [power.active * 1000 * point.frequency // top for point in points], (
            "power assumed proportional to the frequency, since no voltage is known"
        )
    return [0] * len(points), "a power coefficient without voltages, so its energy is not counted"


def _interpolated(points: tuple[OperatingPoint, ...], values: list[float | None]) -> list[float]:
    """Linear in the frequency between known points, flat outside."""
    known = [(point.frequency, value) for point, value in zip(points, values, strict=True) if value is not None]
    found = []
    for point in points:
        below = [pair for pair in known if pair[0] <= point.frequency] or known[:1]
        above = [pair for pair in known if pair[0] >= point.frequency] or known[-1:]
        (low, first), (high, last) = below[-1], above[0]
        share = 0.0 if high <= low else (point.frequency - low) / (high - low)
        found.append(first + share * (last - first))
    return found


def cluster_powers(points: tuple[OperatingPoint, ...]) -> list[tuple[int, ...]] | None:
    """What a whole cluster draws at each point with 1, 2, ... busy processors, in nW; None where only one was measured.

    A point without such a measurement takes that of the next measured one at or above it (else the highest), scaled
    with f V^2 (as DS3 does), or with f where no voltage is known.
    """
    profiles = [point for point in points if point.busy_milliwatt is not None]
    if not profiles:
        return None
    found = []
    for point in points:
        profile = next((each for each in profiles if each.frequency >= point.frequency), profiles[-1])
        scale = point.frequency / profile.frequency
        if point.microvolt is not None and profile.microvolt is not None:
            scale *= (point.microvolt / profile.microvolt) ** 2
        found.append(tuple(round(watts * scale * 10**6) for watts in profile.busy_milliwatt or ()))
    return found
