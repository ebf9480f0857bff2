"""Quantities with units: integer nanoseconds, bytes, bytes per second and hertz inside, readable text at the edge.

All parsing is exact (``decimal``, ``fractions``); nothing passes through binary floating point.

>>> parse_duration("33.3 ms"), parse_period("60 Hz"), parse_bandwidth("51.2 GB/s"), parse_size("4 MiB")
(33300000, 16666667, 51200000000, 4194304)
>>> format_duration(33_300_000), format_duration(1_500_000_000)
('33.3 ms', '1.5 s')
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

NS: Final = 1
US: Final = 1_000
MS: Final = 1_000_000
S: Final = 1_000_000_000

#: No quantity is larger in its base unit (bytes, bytes per second, Hz, uW, nJ): all fit a signed 64-bit column.
LARGEST: Final = 2**62

#: The longest time that a file may name: 100 years. Sums of a few of them still fit a signed 64-bit column.
LONGEST: Final = 100 * 365 * 86_400 * S

DURATIONS: Final = {"ns": 1, "us": US, "µs": US, "μs": US, "ms": MS, "s": S, "min": 60 * S, "h": 3600 * S}
RATES: Final = {"hz": 1, "khz": 1_000, "mhz": 1_000_000, "ghz": 1_000_000_000, "fps": 1}
SIZES: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}

POWERS: Final = {"uw": 1, "µw": 1, "μw": 1, "mw": 10**3, "w": 10**6, "kw": 10**9}
ENERGIES: Final = {
    "nj": 1,
    "uj": 10**3,
    "µj": 10**3,
    "μj": 10**3,
    "mj": 10**6,
    "j": 10**9,
    "kj": 10**12,
    "wh": 3600 * 10**9,
}

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([A-Za-zµμ]*(?:/s)?)\s*")


def _split(text: str, what: str, units: dict[str, int], example: str) -> Fraction:
    """The exact value of `text` in base units; raises ValueError with an example of what was expected."""
    match = _QUANTITY.fullmatch(text)
    known = ", ".join(units)
    if match is None:
        raise ValueError(f"{text!r} is not a {what}; write a number and a unit, e.g. {example!r}")
    number, unit = match.groups()
    if not unit:
        raise ValueError(f"{text!r} has no unit; write e.g. '{number} {example.split()[-1]}' (units: {known})")
    scale = units.get(unit if unit in units else unit.lower())
    if scale is None:
        raise ValueError(f"{unit!r} is not a unit of a {what}; write e.g. {example!r} (units: {known})")
    try:
        return Fraction(Decimal(number)) * scale
    except (InvalidOperation, OverflowError) as error:  # pragma: no cover - the pattern leaves only numbers
        raise ValueError(f"{number!r} is not a number") from error


def _bounded(nanoseconds: int, text: str) -> int:
    if abs(nanoseconds) > LONGEST:
        raise ValueError(f"{text!r} is longer than 100 years")
    return nanoseconds


def _whole(value: Fraction, text: str) -> int:
    number = round(value)
    if abs(number) > LARGEST:
        raise ValueError(f"{text!r} is more than any chip has")
    return number


def parse_duration(text: str) -> int:
    """Nanoseconds in a text such as ``"33.3 ms"``, rounded to the nearest; it may be negative."""
    value = _split(text, "duration", DURATIONS, "5 ms")
    nanoseconds = _bounded(round(value), text)
    if value and not nanoseconds:
        raise ValueError(f"{text!r} is shorter than the resolution of 1 ns")
    return nanoseconds


def parse_rate(text: str) -> Fraction:
    """Hertz in a text such as ``"60 Hz"``, ``"30 fps"`` or ``"2.4 GHz"``."""
    return _split(text, "rate", RATES, "60 Hz")


def parse_period(text: str) -> int:
    """The period in nanoseconds of a rate such as ``"60 Hz"``, rounded to the nearest nanosecond."""
    rate = parse_rate(text)
    if rate <= 0:
        raise ValueError(f"the rate {text!r} must be positive")
    period = round(S / rate)
    if period < 1:
        raise ValueError(f"the rate {text!r} has a period below the resolution of 1 ns")
    return _bounded(period, text)


def parse_size(text: str) -> int:
    """Bytes in a text such as ``"4 MB"`` (decimal) or ``"4 MiB"`` (binary)."""
    return _whole(_split(text, "size", SIZES, "4 MB"), text)


def parse_bandwidth(text: str) -> int:
    """Bytes per second in a text such as ``"51.2 GB/s"``."""
    return _whole(_split(text, "bandwidth", {f"{unit}/s": scale for unit, scale in SIZES.items()}, "51.2 GB/s"), text)


def parse_power(text: str) -> int:
    """Microwatts in a text such as ``"1.2 W"`` or ``"350 mW"``."""
    return _whole(_split(text, "power", POWERS, "1.2 W"), text)


def parse_energy(text: str) -> int:
    """Nanojoules in a text such as ``"2.4 mJ"`` or ``"15 Wh"``."""
    return _whole(_split(text, "energy", ENERGIES, "2.4 mJ"), text)


def _decimal(value: Fraction) -> str:
    """`value`, whose denominator divides a power of ten, as the shortest exact decimal."""
    text = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_duration(nanoseconds: int, digits: int | None = None) -> str:
    """Text such as ``"33.3 ms"``: exact, or rounded to `digits` significant digits."""
    size = abs(nanoseconds)
    unit = "s" if size >= S else "ms" if size >= MS else "us" if size >= US else "ns"
    value = Fraction(nanoseconds, DURATIONS[unit])
    if digits is None:
        return f"{_decimal(value)} {unit}"
    if size >= 10**digits * DURATIONS[unit]:
        return f"{round(value)} {unit}"
    return f"{float(value):.{digits}g} {unit}"


def _format_scaled(value: int, units: tuple[tuple[str, int], ...]) -> str:
    for unit, scale in units:
        if abs(value) >= scale:
            return f"{_decimal(Fraction(value, scale))} {unit}"
    return f"{value} {units[-1][0]}"


def format_rate(hertz: int) -> str:
    """Text such as ``"2.4 GHz"``, exact."""
    return _format_scaled(hertz, (("GHz", 10**9), ("MHz", 10**6), ("kHz", 10**3), ("Hz", 1)))


def format_size(size: int) -> str:
    """Text such as ``"4 MB"``, exact."""
    return _format_scaled(size, (("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1)))


def format_bandwidth(bytes_per_second: int) -> str:
    """Text such as ``"51.2 GB/s"``, exact."""
    return format_size(bytes_per_second) + "/s"


def format_power(microwatts: int) -> str:
    """Text such as ``"1.2 W"``, exact."""
    return _format_scaled(microwatts, (("W", 10**6), ("mW", 10**3), ("uW", 1)))


def format_energy(nanojoules: int) -> str:
    """Text such as ``"2.4 mJ"``, exact."""
    return _format_scaled(nanojoules, (("J", 10**9), ("mJ", 10**6), ("uJ", 10**3), ("nJ", 1)))


def format_period(nanoseconds: int) -> str:
    """The shortest rate whose period is this many ns: 33333333 is ``"30 Hz"``."""
    for digits in range(1, 30):
        number = format(Context(prec=digits).divide(Decimal(S), Decimal(nanoseconds)), "f")
        text = f"{number.rstrip('0').rstrip('.') if '.' in number else number} Hz"
        try:
            if parse_period(text) == nanoseconds:
                return text
        except ValueError:  # rounded to a period beyond the longest
            continue
    raise AssertionError(f"no rate has the period {nanoseconds} ns")  # pragma: no cover - 20 digits always do
