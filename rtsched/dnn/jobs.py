"""Explicit jobs that stand in a CSV."""

from __future__ import annotations

import re
from pathlib import Path

from rtsched.errors import InputError
from rtsched.model.document import cut
from rtsched.model.system import JobModel
from rtsched.model.tables import TimeTable
from rtsched.model.work import ANY

_PRIORITY = re.compile(r"[+-]?[0-9]{1,18}")


def read_jobs(path: Path) -> tuple[JobModel, ...]:
    """Explicit jobs from a CSV: columns name, release, wcet, deadline (absolute), priority; times carry units."""
    table = TimeTable(path, ("release", "wcet", "deadline"))
    count = len(table.rows)
    if not count:
        raise InputError(f"{path}: no jobs; add a row below the header")
    names = table.text("name") or ("",) * count
    priorities = table.text("priority") or ("",) * count
    rows = zip(table.times("release"), table.times("wcet", least=1), table.times("deadline", least=1), strict=True)
    jobs = []
    for number, (release, wcet, deadline) in enumerate(rows):
        priority = priorities[number]
        if priority and not _PRIORITY.fullmatch(priority):
            raise InputError(f"{path}:{number + 2}: priority {cut(priority)!r} is no whole number of at most 18 digits")
        jobs.append(
            JobModel(
                name=names[number] or None,
                release=release,
                wcet={ANY: wcet},
                deadline=deadline,
                priority=int(priority) if priority else None,
            )
        )
    return tuple(jobs)
