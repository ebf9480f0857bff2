"""An AMALTHEA file (Eclipse APP4MC) as its elements: what refers to what, its numbers and its times, errors with lines.

References are names with a type (``Task_1?type=Task``, names encoded as in URLs), or the value of an ``xmi:id``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final, NoReturn
from urllib.parse import unquote_plus

from rtsched import units
from rtsched.errors import InputError
from rtsched.importers.common import MOST_CHARACTERS, time
from rtsched.importers.xml import Element, parse
from rtsched.model.document import cut

#: The models of car makers have tens of thousands of labels; each element takes about half a kilobyte here.
MOST_ELEMENTS: Final = 300_000
_NAMESPACE: Final = re.compile(r"app4mc\.eclipse\.org/amalthea/(\d+\.\d+(\.\d+)?)$")
_HERTZ: Final = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}
#: Of a number of ticks or instructions, of a frequency in Hz, of a probability.
_LARGEST: Final = 10**18


class AmaltheaFile:
    """One file, its elements by kind and name, and the sentences on what could not come along."""

    def __init__(self, path: str, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise InputError(f"{path}: is larger than 16 MiB; split it")
        self.path = path
        self.root = parse(path, text, "AMALTHEA", MOST_ELEMENTS)
        self.warnings: list[str] = []
        if self.root.tag.rpartition(":")[2] != "Amalthea" or not any(
            name.startswith("xmlns") and _NAMESPACE.search(value) for name, value in self.root.attributes.items()
        ):
            self.fail(
                self.root,
                f"the root is <{cut(self.root.tag)}>; an AMALTHEA file of APP4MC has <am:Amalthea> with the namespace "
                "app4mc.eclipse.org/amalthea; migrate older models in APP4MC",
            )
        self.by_name: dict[str, dict[str, Element]] = {}
        self.by_id: dict[str, Element] = {}
        self.groups: dict[str, list[Element]] = {}
        waiting = list(reversed(self.root.children))
        while waiting:
            element = waiting.pop()
            self.groups.setdefault(element.tag, []).append(element)
            if element.get("xmi:id"):
                self.by_id.setdefault(element.get("xmi:id"), element)
            waiting += reversed(element.children)

    def fail(self, element: Element, what: str) -> NoReturn:
        """Refuse an element."""
        raise InputError(f"{self.path}:{element.line}: {what}")

    def warn(self, sentence: str) -> None:
        """Say what does not come along."""
        self.warnings.append(sentence)

    def all(self, tag: str) -> list[Element]:
        """The elements of a tag, in the order of the file."""
        return self.groups.get(tag, [])

    def name(self, element: Element) -> str:
        """The name of an element, which must have one."""
        if not element.get("name"):
            self.fail(element, f"{element.tag}: its name is missing; give it one")
        if len(element.get("name")) > 200:
            self.fail(element, f"{element.tag}: its name has more than 200 letters; give it a shorter one")
        return element.get("name")

    def named(self, tag: str) -> dict[str, Element]:
        """The elements of a tag by name."""
        if tag not in self.by_name:
            found: dict[str, Element] = {}
            for element in self.all(tag):
                if element.get("href") or (tag == "modules" and element.type != "ProcessingUnit"):
                    continue
                name = self.name(element)
                if name in found:
                    self.fail(element, f"{tag}: two are called {cut(name)!r}; rename one")
                found[name] = element
            self.by_name[tag] = found
        return self.by_name[tag]

    def references(self, element: Element, key: str, tag: str) -> list[Element]:
        """What an attribute refers to: elements of a tag."""
        elsewhere = next((child for child in element.all(key) if child.get("href")), None)
        if elsewhere is not None:
            self.fail(elsewhere, f"{key} lies in another file; put all parts of the model into one file")
        return [self.resolved(element, key, word, tag) for word in element.get(key).split()]

    def resolved(self, element: Element, key: str, word: str, tag: str) -> Element:
        """The element that one reference means."""
        found = self.by_id.get(word)
        if found is None or found.tag != tag:
            found = self.named(tag).get(unquote_plus(word.partition("?type=")[0]))
        if found is None:
            self.fail(element, f"{key}={cut(word)!r} is the name of nothing under {tag!r}; add it, or correct the name")
        return found

    def reference(self, element: Element, key: str, tag: str) -> Element | None:
        """The one element that an attribute refers to; None without."""
        found = self.references(element, key, tag)
        if len(found) > 1:
            self.fail(element, f"{key} names {len(found)} elements; only one is carried over")
        return found[0] if found else None

    def needed(self, element: Element, key: str, tag: str) -> Element:
        """The one element that an attribute must refer to."""
        found = self.reference(element, key, tag)
        if found is None:
            self.fail(element, f"{element.tag} {cut(element.get('name'))!r}: {key!r} is missing; add it")
        return found

    # ---- numbers -------------------------------------------------------------------------------------------------

    def number(self, element: Element, key: str, default: str = "0") -> Fraction:
        """An attribute as an exact number of zero or more."""
        word = element.get(key, default)
        try:
            value = Decimal(word) if len(word) <= 60 else Decimal("nan")
        except ArithmeticError:
            value = Decimal("nan")
        if not value.is_finite() or not 0 <= value <= _LARGEST or (value and value.adjusted() < -18):
            self.fail(element, f"{element.tag}: {key}={cut(word)!r}: give a number from 0 to 10^18")
        return Fraction(value)

    def whole(self, element: Element, key: str, default: str = "0") -> int:
        """An attribute as a whole number of zero or more."""
        value = self.number(element, key, default)
        if value.denominator != 1:
            self.fail(element, f"{element.tag}: {key}={cut(element.get(key))!r} is no whole number; give one")
        return int(value)

    def time(self, element: Element | None, default: int = 0) -> int:
        """A ``<… value="5" unit="ms"/>`` in ns; the default where there is none."""
        if element is None:
            return default
        unit, value = element.get("unit", "ns"), element.get("value", "0")
        if value.strip("0.") and not element.get("unit"):
            self.fail(element, f"{element.tag}: its unit is missing; give s, ms, us or ns")
        if unit not in ("s", "ms", "us", "ns", "ps"):
            self.fail(element, f"{element.tag}: {cut(unit)!r} is no unit of time; give s, ms, us or ns")
        if unit == "ps":
            self.fail(element, f"{element.tag}: picoseconds are finer than what is resolved here; give ns")
        if len(value) > 60:
            self.fail(element, f"{element.tag}: {cut(value)!r} is too long a number; give a time")
        return time(value, unit, f"{self.path}:{element.line}: {element.tag}")

    def hertz(self, element: Element) -> Fraction:
        """A ``<… value="600" unit="MHz"/>`` in Hz, more than zero."""
        unit = element.get("unit")
        if unit not in _HERTZ:
            self.fail(element, f"{element.tag}: {cut(unit)!r} is no unit of a frequency; give Hz, kHz, MHz or GHz")
        value = self.number(element, "value") * _HERTZ[unit]
        if not value:
            self.fail(element, f"{element.tag}: the frequency is 0; give the core one, or no execution time follows")
        return value

    def property(self, element: Element, key: str) -> str:
        """A custom property of an element; empty without."""
        for each in element.all("customProperties"):
            value = each.find("value")
            if each.get("key") == key and value is not None:
                return value.get("value")
        return ""


def duration(ns: int) -> str:
    """A time as a system file has it."""
    return units.format_duration(ns)


def above(value: Fraction) -> int:
    """Rounded up to whole ns."""
    return -(-value.numerator // value.denominator)


def walk(elements: list[Element]) -> Iterator[Element]:
    """These elements and all below them."""
    waiting = list(reversed(elements))
    while waiting:
        element = waiting.pop()
        yield element
        waiting += reversed(element.children)
