"""What a person says of a report, kept in a file beside the system: number, revision, history, who answers for it.

Nothing of it is invented: what the file does not say is printed as an empty box, to be filled in by hand.
"""

from __future__ import annotations

from datetime import date as calendar
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rtsched.model.base import Model, problem
from rtsched.model.config import read_yaml, validate
from rtsched.report.blocks import Block, Facts, Signatures, Table

Line = Annotated[str, Field(min_length=1, max_length=2000)]


def _day(text: str) -> str:
    try:
        return calendar.fromisoformat(text).isoformat()
    except ValueError:
        raise problem("is no day; write YYYY-MM-DD, e.g. 2026-03-31") from None


Day = Annotated[str, AfterValidator(_day), Field(description="YYYY-MM-DD")]


class Person(Model):
    """Who prepared, reviewed or approved it; `independence` as the standard calls it, e.g. ``I2``."""

    name: Line | None = None
    function: Line | None = None
    independence: Line | None = None
    date: Day | None = None


class Revision(Model):
    """A line of the history."""

    revision: Line
    date: Day | None = None
    author: Line | None = None
    change: Line | None = None


class FrontPage(Model):
    """The file of ``rtsched report --document``. All of it is optional."""

    number: Line | None = None
    revision: Line | None = None
    status: Literal["draft", "released"] | None = None
    title: Line | None = None
    project: Line | None = None
    item: Line | None = Field(default=None, description="the item, element or function that is spoken of")
    integrity: Line | None = Field(default=None, description="ASIL, DAL, SIL or class, as assigned elsewhere")
    applicability: Line | None = Field(default=None, description="variants, serial numbers, software versions")
    plan: Line | None = Field(default=None, description="the verification plan that this report answers")
    requirements: Line | None = Field(default=None, description="where the requirements stand, with revision")
    prepared: Person = Person()
    reviewed: Person = Person()
    approved: Person = Person()
    history: tuple[Revision, ...] = ()


def read(path: Path) -> FrontPage:
    """The front page in a file. Raises InputError, with the line, where it is none or has an unknown key."""
    return validate(FrontPage, read_yaml(path))


#: Rows of the history that are printed empty where none is given.
EMPTY = 3


def blocks(page: FrontPage) -> tuple[Block, ...]:
    """Number, revision and status; who answers for it; the history."""
    rows = (
        ("Document", page.number or ""),
        ("Revision", page.revision or ""),
        ("Status", page.status or ""),
        ("Project", page.project or ""),
        ("Item", page.item or ""),
        ("Integrity level", page.integrity or ""),
        ("Applicability", page.applicability or ""),
        ("Verification plan", page.plan or ""),
        ("Requirements", page.requirements or ""),
    )
    people = (("Prepared by", page.prepared), ("Reviewed by", page.reviewed), ("Approved by", page.approved))
    signed = tuple(
        (role, ", ".join(filter(None, (who.name, who.function))), who.independence or "", who.date or "")
        for role, who in people
    )
    history = tuple((each.revision, each.date or "", each.author or "", each.change or "") for each in page.history)
    head = ("revision", "date", "author", "change")
    lines = history or (("",) * len(head),) * EMPTY
    return Facts(rows), Signatures(signed), Table("History", head, lines, (1, 1.3, 2.2, 5.5), by_hand=not history)
