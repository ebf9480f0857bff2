"""The tasks of a file and what they were lowered to; values of a file as ``--set`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rtsched import units
from rtsched.model.system import instance_names
from rtsched.model.task import Task
from rtsched.model.taskgraph import TaskSpec
from rtsched.verify.verification import Verification

#: Words that YAML takes for something else than text.
_NO_TEXT = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|~)$")
_PLAIN = re.compile(r"[A-Za-z][\w+-]*$|\d+(\.\d+)? (ns|us|ms|s)$", re.ASCII)


@dataclass(frozen=True)
class FileTask:
    """A task of the file: its number there, itself, and its instances as they were lowered."""

    number: int
    model: Task
    specs: tuple[TaskSpec, ...]

    @property
    def spec(self) -> TaskSpec:
        """The first instance: all are alike but for name and number."""
        return self.specs[0]

    @property
    def name(self) -> str:
        """As the file has it."""
        return self.model.name

    @property
    def shown(self) -> str:
        """Its name in a sentence; of several instances how many."""
        many = "" if len(self.specs) == 1 else f" (all {len(self.specs)} instances)"
        return f"{self.name!r}{many}"


class FileTasks:
    """The tasks of a verified system, as its file has them; jobs that stand there by themselves are none."""

    def __init__(self, found: Verification) -> None:
        models = found.loaded.system.tasks
        specs = iter(found.system.tasks)
        self.all = tuple(
            FileTask(number, model, tuple(next(specs) for _ in instance_names(model)))
            for number, model in enumerate(models)
        )
        self._names = [model.name for model in models]
        self._of = {spec.index: task for task in self.all for spec in task.specs}

    def of(self, indices: Iterable[int]) -> list[FileTask]:
        """The tasks of the file that some lowered ones come of, each once."""
        found = {self._of[index].number: self._of[index] for index in indices if index in self._of}
        return [found[number] for number in sorted(found)]

    def setting(self, task: FileTask, key: str, value: Any) -> str:
        """``tasks.NAME.key=value``; a name that such a path cannot have is given by its number."""
        name = task.name
        ambiguous = any(other.startswith(f"{name}.") for other in self._names)
        plain = not ambiguous and not set(name) & set("=\n\r") and name == name.strip()
        return f"tasks.{name if plain else task.number}.{key}={written(value)}"


def written(value: Any) -> str:
    """A value in YAML, on one line."""
    if isinstance(value, str) and _PLAIN.match(value) and not _NO_TEXT.match(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def time(nanoseconds: int) -> str:
    """A time in words, to four digits."""
    return units.format_duration(nanoseconds, digits=4)


def rounded(nanoseconds: int, *, up: bool) -> int:
    """A time with four digits, rounded to one side: what is written is what is tried."""
    step: int = 10 ** max(0, len(str(nanoseconds)) - 4)
    return -(-nanoseconds // step) * step if up else nanoseconds // step * step


def exact(nanoseconds: int) -> str:
    """A time as a file writes it."""
    return units.format_duration(nanoseconds)


def listed(names: Iterable[str], most: int = 4) -> str:
    """``a, b and 3 more``."""
    every = list(names)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[: most - 1])} and {len(every) - most + 1} more"
