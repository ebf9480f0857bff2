"""Systems by name, path or value, each with its platform and the place where it was read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.display import Displayed
from rtsched.errors import InputError
from rtsched.model import catalogue
from rtsched.model.collector import collector_paused
from rtsched.model.platform import Platform
from rtsched.model.system import System
from rtsched.visible import as_found

if TYPE_CHECKING:
    from rtsched.model.config import Document
    from rtsched.model.overrides import Override
    from rtsched.model.taskgraph import SystemSpec

#: The dotted place that a lowering error begins with, e.g. ``faults.0: …``.
_PLACE = re.compile(r"([a-z_]+(?:\.[\w-]+)*): ")
_NODE = re.compile(r", node '([^']*)':")


@dataclass(frozen=True)
class Loaded(Displayed):
    """A system with its platform, and where it was read, so that errors can point there."""

    system: System
    platform: Platform
    document: Document | None = None
    path: Path | None = None

    def __repr__(self) -> str:
        return f"<Loaded {self.system!r}>"

    def with_(self, changes: Mapping[str, Any] | None = None, /, **fields: Any) -> Loaded:
        """The same with some values of the system set anew, as `System.with_` does; its files stay where they are."""
        system = self.system.with_(changes, **fields)
        platform = self.platform
        if system.platform != self.system.platform:
            platform = _platform(system.platform, None if self.path is None else self.path.parent)
        return Loaded(system, platform, None, self.path)

    def where(self, *place: str | int) -> str:
        """``file:line:column: place: ``; the place alone for a system made in Python."""
        shown = ".".join(map(str, place)) + ": "
        return shown if self.document is None else f"{self.document.where(place)}: {shown}"

    @collector_paused()
    def lower(self, *, largest: bool = False) -> SystemSpec:
        """The system in integers; with the `largest` time that was measured of each network, as proofs want it."""
        from rtsched.dnn.lowering import Lowering

        uses_tables = any(
            task.network is not None
            or (task.graph is not None and any(node.network is not None for node in task.graph.nodes.values()))
            or (task.variants is not None and any(choice.network is not None for choice in task.variants.choices))
            for task in self.system.tasks
        )
        latency = catalogue.latency_table() if uses_tables else []
        folder = None if self.path is None else self.path.parent
        try:
            return Lowering(self.system, self.platform, latency, folder, largest).lower()
        except InputError as error:
            raise InputError(*(self._placed(problem) for problem in error.problems)) from None

    def lacks(self) -> tuple[str, ...]:
        """Everything that keeps the system from running on its platform, in words; empty where nothing does."""
        from rtsched.dnn.hosting import lacks

        folder = None if self.path is None else self.path.parent
        return lacks(self.system, self.platform, catalogue.latency_table(), folder)

    def _placed(self, problem: str) -> str:
        """Put the place of the task that a lowering error names in front of it."""
        if self.document is None:
            return problem
        for index, task in enumerate(self.system.tasks):
            if problem.startswith((f"task {task.name!r}:", f"task {task.name!r},")):
                key = _key_in(self.document.data["tasks"][index], problem.removeprefix(f"task {task.name!r}"))
                return f"{self.document.where(('tasks', index, *key), key=True)}: tasks.{problem.removeprefix('task ')}"
        place = _PLACE.match(problem)
        if place is not None and place[1].split(".")[0] in self.document.data:
            path = tuple(int(key) if key.isdecimal() else key for key in place[1].split("."))
            return f"{self.document.where(path)}: {problem}"
        return f"{self.document.path}: {problem}"


def _key_in(task: dict[str, Any], problem: str) -> tuple[str, ...]:
    """The key of a task (or of one of its nodes) that a problem names first; () if it names none."""
    place: tuple[str, ...] = ()
    node = _NODE.match(problem)
    if node is not None:
        place, task = ("graph", "nodes", node[1]), (task.get("graph") or {}).get("nodes", {}).get(node[1], {})
    named = (word for word in re.findall(r"\w+", problem.partition(": ")[2]) if isinstance(task, dict) and word in task)
    key = next(named, None)
    return place if key is None else (*place, key)


#: What a system can be given as: a catalogue name, a path, its contents as a mapping, or the thing itself.
Source = str | Path | Mapping[str, Any] | System | Loaded


@collector_paused()
def load(
    source: Source,
    *,
    platform: str | Mapping[str, Any] | Platform | None = None,
    overrides: Sequence[str | Override] = (),
) -> Loaded:
    """A system by catalogue name or path, out of a mapping, or as it is, on its own platform or another.

    A mapping holds what a file would; as in all of Python a time may also be an ``int`` of nanoseconds. `overrides` are
    texts such as ``"tasks.detector.period=20ms"``. A system made in Python is validated again, since ``model_copy`` and
    ``model_construct`` do not do it. Raises InputError.
    """
    document: Document | None = None
    path: Path | None = None
    if isinstance(source, Loaded):
        if not overrides:
            return _checked(source if platform is None else replace(source, platform=_platform(platform, None)))
        path = source.path
        source = source.system if source.document is None or path is None else path
    if isinstance(source, System | Mapping):
        system = System.model_validate(source)
        if overrides:
            from rtsched.model.config import change
            from rtsched.model.overrides import parse_override

            system = change(system, [parse_override(each) for each in overrides])
    elif isinstance(source, str | Path):
        system, document, path = catalogue.load_system(str(source), overrides)
    else:
        raise InputError(
            f"a system is a catalogue name, a path, a mapping or a System (found {as_found(source)}); e.g. 'dhall'"
        )
    try:
        if platform is not None:
            found = _platform(platform, None)
        else:
            found = _platform(system.platform, None if path is None else path.parent)
    except InputError as error:
        if document is None or platform is not None or len(error.problems) > 1 or ".yaml:" in str(error):
            raise
        raise InputError(f"{document.where(('platform',))}: platform: {error}") from None
    return Loaded(system, found, document, path)


def _platform(chosen: str | Mapping[str, Any] | Platform, folder: Path | None) -> Platform:
    """A platform by name or path (relative to a folder), out of a mapping, or as it is."""
    return catalogue.load_platform(chosen, folder) if isinstance(chosen, str) else Platform.model_validate(chosen)


def _checked(loaded: Loaded) -> Loaded:
    """The same, its models validated again."""
    return replace(
        loaded, system=System.model_validate(loaded.system), platform=Platform.model_validate(loaded.platform)
    )
