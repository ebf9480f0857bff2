"""Numbers as they are written on a board: exact, in one unit for all of a calculation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rtsched import units
from rtsched.schedulability.lowering.pieces import ONCE
from rtsched.visible import cut

#: Of a sum, a product or a row of iterates so many are written out.
MOST_TERMS, MOST_ITERATES = 8, 40
#: Names are cut to so many characters.
LONGEST = 30
#: Fractions whose parts have more digits than this are written as decimals alone.
DIGITS = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit in which times are written, exactly, without it: 3.5 for 3,500,000 ns in ms.

    What lacks one nanosecond to a round number is written so: ``4−ε``, with ε = 1 ns. The period of what arrives once
    is ∞.

    >>> ms = Scale("ms", 1_000_000)
    >>> ms(3_500_000), ms(3_999_999), ms(33_333_333), ms.full(20)
    ('3.5', '4−ε', '33.333333', '0.00002 ms')
    """

    unit: str
    size: int

    def __call__(self, ns: int) -> str:
        """The number alone."""
        if ns >= ONCE:
            return "∞"
        round_ = self.size // 1000
        if ns > 0 and round_ > 1 and (ns + 1) % round_ == 0:
            return f"{decimal(Fraction(ns + 1, self.size))}−ε"
        return decimal(Fraction(ns, self.size))

    def full(self, ns: int) -> str:
        """The number with its unit."""
        return f"{self(ns)} {self.unit}"

    def inside(self, ns: int) -> str:
        """The number as a part of a product or a quotient."""
        text = self(ns)
        return f"({text})" if text.endswith("ε") or text.startswith("-") else text


def scale_of(times: Iterable[int]) -> Scale:
    """The unit for execution times: the largest in which even the smallest is not tiny.

    >>> [scale_of(times).unit for times in ([2_000_000, 5], [2_000_000], [150_000], [3 * 10**9], [])]
    ['ns', 'ms', 'ms', 's', 'ns']
    """
    least = min((time for time in times if time > 0), default=1)
    if least >= units.S:
        return Scale("s", units.S)
    for unit, size in (("ms", units.MS), ("us", units.US)):
        if 20 * least >= size:
            return Scale(unit, size)
    return Scale("ns", 1)


def decimal(value: Fraction, digits: int | None = None) -> str:
    """A value to so many places behind the point; without, as long as it takes (its denominator divides 10^n).

    >>> decimal(Fraction(2, 3), 4), decimal(Fraction(-1, 4), 1), decimal(Fraction(7, 8)), decimal(Fraction(20))
    ('0.6667', '-0.3', '0.875', '20')
    """
    if digits is None:
        digits = value.denominator.bit_length()  # 2^-n has n places, 5^-n too, and more bits
    size = abs(value)
    # whole numbers: a Decimal of what thousands of tasks add up to takes minutes
    whole = (2 * size.numerator * 10**digits + size.denominator) // (2 * size.denominator)
    above, below = divmod(whole, 10**digits)
    text = f"{'-' if value < 0 and whole else ''}{above}.{below:0{digits}d}" if digits else str(above)
    return text.rstrip("0").rstrip(".") if "." in text else text


def fraction(value: Fraction, digits: int = 4) -> str:
    """A value as a fraction, where that is short, and as a decimal: ``53/60 ≈ 0.8833``.

    >>> fraction(Fraction(53, 60)), fraction(Fraction(1, 4)), fraction(Fraction(2)), fraction(Fraction(1, 123457))
    ('53/60 ≈ 0.8833', '1/4 = 0.25', '2', '≈ 0')
    """
    if value.denominator == 1:
        return str(value.numerator)
    text = decimal(value, digits)
    sign = "=" if Fraction(text) == value else "≈"
    if exact(value, DIGITS) is None:
        return f"{sign} {text}" if sign == "≈" else text
    return f"{value.numerator}/{value.denominator} {sign} {text}"


def exact(value: Fraction, digits: int = 40) -> str | None:
    """A value as a fraction; None where one of its parts has more digits."""
    return None if max(value.numerator, value.denominator) >= 10**digits else str(value)


def told_apart(value: Fraction, limit: Fraction, digits: int = 4) -> int:
    """How many places behind the point show which of two values is the larger.

    >>> told_apart(Fraction("0.82843"), Fraction("0.828427"))
    6
    """
    while value != limit and digits < 18 and decimal(value, digits) == decimal(limit, digits):
        digits += 1
    return digits


def name(text: str) -> str:
    """A name on one line, cut where it is long."""
    return cut(text, LONGEST)


def joined(terms: Sequence[str], sign: str = " + ") -> str:
    """Terms of a sum, the first of them where there are many."""
    if len(terms) <= MOST_TERMS:
        return sign.join(terms)
    return sign.join([*terms[:MOST_TERMS], f"… ({len(terms) - MOST_TERMS} more)"])


def row(values: Sequence[str]) -> str:
    """Iterates with arrows: the first 40 and the last, where there are more."""
    if len(values) <= MOST_ITERATES + 2:
        return " → ".join(values)
    more = len(values) - MOST_ITERATES - 1
    return " → ".join([*values[:MOST_ITERATES], f"… ({more} more)", values[-1]])
