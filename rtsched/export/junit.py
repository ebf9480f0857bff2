"""JUnit XML: a test case for each requirement, as continuous integration shows them.

Properties of a test case are repeated in its ``<system-out>``, since some servers drop them. Names are unique, for some
keep the first of two. The bytes follow from the content: there is no clock in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from rtsched.visible import message, visible

#: met: the test passes; refuted, missed, unproven: it fails; open, absent (nothing was there to judge): it is skipped;
#: error: nobody knows, for the tool failed.
State = Literal["met", "refuted", "missed", "unproven", "open", "absent", "error"]

#: The longest name and the longest message.
LONGEST_NAME = 200


@dataclass(frozen=True)
class Tested:
    """One requirement: of a `group` (task, chain), what is required of whom, and what became of it.

    `facts` are its properties; those that are None are left out. `key` is the number of the requirement, if it has one.
    """

    __test__ = False  #: no class of tests, whatever pytest makes of its name

    group: str
    name: str
    what: str
    state: State
    message: str = ""
    facts: tuple[tuple[str, str | int | None], ...] = ()
    key: str | None = None

    @property
    def title(self) -> str:
        """The name of the test: ``REQ-021 detect: deadline``."""
        name = visible(f"{self.key} {self.name}" if self.key else self.name)
        room = LONGEST_NAME - len(self.what) - 2
        short = name if len(name) <= room else f"{name[: room - 41]}…{name[-40:]}"
        return f"{short}: {self.what}" if self.what else short


def junit(suite: str, cases: Sequence[Tested], facts: Iterable[tuple[str, str]] = ()) -> str:
    """The test suite as XML, with `facts` on all of it."""
    titles = _unique([case.title for case in cases])
    name = _cut(visible(suite)) or "rtsched"
    root = ElementTree.Element("testsuite", name=name)
    counts = dict.fromkeys(("failures", "errors", "skipped"), 0)
    about = ElementTree.SubElement(root, "properties")
    for key, value in facts:
        ElementTree.SubElement(about, "property", name=key, value=visible(value))
    for case, title in zip(cases, titles, strict=True):
        test = ElementTree.SubElement(root, "testcase", classname=f"{name}.{case.group}", name=title, time="0")
        told = [(key, visible(str(value))) for key, value in case.facts if value is not None]
        if told:
            properties = ElementTree.SubElement(test, "properties")
            for key, value in told:
                ElementTree.SubElement(properties, "property", name=key, value=value)
        count = _ended(test, case)
        if count:
            counts[count] += 1
        if told:
            ElementTree.SubElement(test, "system-out").text = "\n".join(f"{key}: {value}" for key, value in told)
    root.attrib |= {"tests": str(len(cases)), **{key: str(value) for key, value in counts.items()}, "time": "0"}
    ElementTree.indent(root, " ")
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _ended(test: ElementTree.Element, case: Tested) -> str:
    """Add how a test ended; the count that it belongs to, none where it passed."""
    said = message(case.message)
    if case.state == "met":
        return ""
    if case.state == "error":
        ElementTree.SubElement(test, "error", type="error", message=said)
        return "errors"
    if case.state in ("open", "absent"):
        ElementTree.SubElement(test, "skipped", message=said)
        return "skipped"
    ElementTree.SubElement(test, "failure", type=case.state, message=said)
    return "failures"


def broken(suite: str, what: str, error: BaseException) -> str:
    """The test suite of a command that came to no answer: one test, which is in error."""
    return junit(suite, [Tested("rtsched", what, "", "error", f"{type(error).__name__}: {error}")])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _unique(titles: Sequence[str]) -> list[str]:
    """The titles, those that are there already with a number: ``a``, ``a (2)``."""
    seen: set[str] = set()
    counts: dict[str, int] = {}
    made = []
    for title in titles:
        unique = title
        while unique in seen:
            counts[title] = counts.get(title, 1) + 1
            unique = f"{title} ({counts[title]})"
        seen.add(unique)
        made.append(unique)
    return made
