"""Importers: functions that read a system out of somebody else's file.

All are found by name in the registry (group ``rtsched.importers``), whoever wrote them; a file's ending asks for one,
else the character that its content begins with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from rtsched.errors import InputError
from rtsched.importers.common import ImportResult, read_source
from rtsched.model.document import cut
from rtsched.registry import REGISTRY

_TAG: Final = re.compile(r"<(?:[\w.-]{1,99}:)?([A-Za-z_][\w.-]{0,99})")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Importer:
    """What is known of an importer beside its function: the endings and the first characters of its files.

    `root` is the name of the outermost element of its XML, without a prefix.
    """

    name: str
    endings: tuple[str, ...]
    begins: str
    function: Callable[[str, str], Any]
    root: str = ""


def importer(*endings: str, begins: str = "", root: str = "") -> Callable[[Function], Function]:
    """Describe a function of (path, text) as an importer of files with these endings (".tgff"), or so beginning.

    Of XML the name of the outermost element says more than how it begins: `root`.
    It gives an ``ImportResult`` (``rtsched.importers.build`` makes one) and raises InputError with file and line. An
    entry point in ``rtsched.importers``, or ``REGISTRY.register("importer", name, function)``, makes it known. Raises
    InputError where an ending does not begin with a dot.
    """
    if not all(isinstance(ending, str) and ending.startswith(".") for ending in endings):
        raise InputError(f"importer: endings begin with a dot, e.g. '.tgff' (found {cut(repr(endings))})")

    def describe(function: Function) -> Function:
        function.importer = Importer("", endings, begins, function, root)  # type: ignore[attr-defined]
        return function

    return describe


def find(name: str) -> Importer:
    """The importer called `name`. Raises InputError, with close names where there is none."""
    described = getattr(REGISTRY.find("importer", name), "importer", None)
    if not isinstance(described, Importer):
        raise InputError(f"{REGISTRY.called('importer', name)} is none; put @rtsched.importer('.ending') over it")
    return replace(described, name=name)


def import_file(path: str, name: str | None = None) -> ImportResult:
    """The system in a file, and what could not come along: read by the importer called `name`, or by the one it fits.

    An ending says more than a first character. Raises InputError.
    """
    text = read_source(path)
    chosen = find(name) if name is not None else _fitting(path, text)
    found = REGISTRY.call("importer", chosen.name, chosen.function, path, text)
    if not isinstance(found, ImportResult):
        who = REGISTRY.called("importer", chosen.name)
        raise InputError(f"{who} gives a {type(found).__name__}; it has to give what rtsched.importers.build makes")
    return found


def _fitting(path: str, text: str) -> Importer:
    known = [find(name) for name in REGISTRY.names("importer")]
    start = text.lstrip()[:1]
    root = _root(text)
    by_ending = [each for each in known if path.lower().endswith(each.endings)]
    by_root = [each for each in known if root and root == each.root]
    by_start = [each for each in known if start and start in each.begins]
    fitting = by_ending or by_root or by_start
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(each.name for each in fitting)
        raise InputError(f"{path}: {names} both read such files; say which with --format")
    others = [each for each in known if REGISTRY.package("importer", each.name)]
    more = "".join(f", nor for {each.name} ({', '.join(each.endings) or each.begins})" for each in others)
    raise InputError(
        f"{path}: neither SimSo XML (begins with '<') nor AMALTHEA (.amxmi) nor rt-app JSON (begins with '{{') nor "
        f"MAST (.mast, or XML with <MAST_MODEL>){more}; check the file"
    )


def _root(text: str) -> str:
    """The name of the outermost element of an XML text, without a prefix; empty where there is none."""
    place = 0
    while True:
        while place < len(text) and (text[place].isspace() or text[place] == "\ufeff"):
            place += 1
        end = "?>" if text.startswith("<?", place) else "-->" if text.startswith("<!--", place) else ""
        if not end:
            found = _TAG.match(text, place)
            return found[1] if found is not None else ""
        place = text.find(end, place) + len(end)
        if place < len(end):
            return ""
