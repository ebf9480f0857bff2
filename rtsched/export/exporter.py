"""Exporters: functions that turn a trace into a file, or into a folder of several.

All are found by name in the registry (group ``rtsched.exporters``), whoever wrote them; a file's ending names one, too.

>>> @exporter(".starts")
... def starts(trace):
...     'When jobs began, one instant in ns a line.'
...     return "".join(f"{start}\\n" for start in trace.jobs["start"])
>>> starts.exporter.endings
('.starts',)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rtsched.errors import InputError
from rtsched.files import STANDARD_OUTPUT, check_outputs, encoded, make_folder, open_whole, write_whole
from rtsched.registry import REGISTRY
from rtsched.visible import cut

if TYPE_CHECKING:
    from rtsched.trace.trace import Trace

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Exporter:
    """What is known of an exporter beside its function: the endings of names that ask for it.

    With `reasons` it says what the policy went by, so that runs which it writes record that.
    """

    name: str
    endings: tuple[str, ...]
    function: Callable[[Trace], Any]
    reasons: bool = False

    @property
    def meaning(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().split("\n")[0]


def exporter(*endings: str, reasons: bool = False) -> Callable[[Function], Function]:
    """Describe a function of a trace as an exporter; files with one of these endings (".vcd") are written by it.

    It gives the content as text or bytes, whole or piece by piece (an iterator), or a mapping of file names to
    contents: then the output is a folder. An entry point in ``rtsched.exporters``, or
    ``REGISTRY.register("exporter", name, function)``, makes it known by a name. With `reasons` it shows
    ``trace.reasons``. Raises InputError where an ending does not begin with a dot.
    """
    if not all(isinstance(ending, str) and ending.startswith(".") for ending in endings):
        raise InputError(f"exporter: endings begin with a dot, e.g. '.vcd' (found {cut(repr(endings))})")

    def describe(function: Function) -> Function:
        function.exporter = Exporter("", tuple(map(str.lower, endings)), function, reasons)  # type: ignore[attr-defined]
        return function

    return describe


def find(name: str) -> Exporter:
    """The exporter called `name`. Raises InputError, with close names where there is none."""
    described = getattr(REGISTRY.find("exporter", name), "exporter", None)
    if not isinstance(described, Exporter):
        raise InputError(f"{REGISTRY.called('exporter', name)} is none; put @rtsched.exporter('.ending') over it")
    return replace(described, name=name)


def exporters() -> dict[str, Exporter]:
    """All exporters by name."""
    return {name: find(name) for name in REGISTRY.names("exporter")}


def exporter_for(path: str | Path, name: str | None = None) -> Exporter:
    """The exporter called `name`, else the one that the ending of `path` asks for. Raises InputError."""
    if name is not None:
        return find(name)
    known = exporters()
    ending = Path(path).suffix.lower()
    fitting = [each for each in known.values() if ending in each.endings]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(each.name for each in fitting)
        raise InputError(f"{path}: {names} both write {ending}; say which with --format")
    endings = ", ".join(sorted(ending for each in known.values() for ending in each.endings))
    raise InputError(f"{path}: the ending says the format; use {endings}, or --format ({', '.join(known)})")


def need_trace(trace: Trace) -> None:
    """Raise InputError where a run kept sums only."""
    if not trace.kept:
        raise InputError("this run kept no trace to write; run it with a trace")


def write(trace: Trace, path: str | Path, format: str | None = None) -> None:
    """Write a trace into `path`, a file or a folder, as its ending or `format` (an exporter's name) says.

    Each file is written whole or not at all; ``-`` is the standard output. Raises InputError.
    """
    made = exporter_for(path, format)
    if not trace.kept:
        raise InputError(f"{path}: this run kept no trace to write; run it with a trace")
    path = Path(path)
    check_outputs(path)
    found = REGISTRY.call("exporter", made.name, made.function, trace)
    if isinstance(found, str | bytes):
        write_whole(path, found)
        return
    if isinstance(found, Iterator):
        with open_whole(path) as stream:
            for piece in found:
                stream.write(encoded(piece))
        return
    names = list(found) if isinstance(found, Mapping) else []
    plain = all(isinstance(each, str) and each == Path(each).name for each in names)
    if not isinstance(found, Mapping) or not plain or not all(isinstance(each, str | bytes) for each in found.values()):
        who = REGISTRY.called("exporter", made.name)
        raise InputError(f"{who} gives {cut(repr(found))}; it has to give text, bytes, or those by plain file names")
    if path == STANDARD_OUTPUT:
        raise InputError("'-' is standard output, and these are several files; name a folder")
    make_folder(path)
    for name, content in found.items():
        write_whole(path / name, content)
