"""Who is to be checked: a name, a description, ``module:Class``, a file, a class, or whatever makes a scheduler."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rtsched import api
from rtsched.errors import InputError
from rtsched.registry import PARTS, REGISTRY, told
from rtsched.schedulers.base import Scheduler
from rtsched.schedulers.composed import ComposedScheduler
from rtsched.schedulers.part import Part
from rtsched.visible import as_found, cut

#: What may be given as a policy.
Choice = str | Mapping[str, Any] | type[Scheduler] | type[Part] | Callable[[], Scheduler]
Description = str | dict[str, Any]

#: A file of Python, and at times a class in it.
_FILE = re.compile(r"(.+\.py)(?::(\w+))?")


@dataclass(frozen=True)
class Candidate:
    """A policy to check: what it is called, and how to make a new one.

    `description` is how other processes name it, `command` how a command line does; None where they cannot.
    """

    name: str
    make: Callable[[], Scheduler]
    description: Description | None = None
    command: str | None = None


def candidate(choice: Choice) -> Candidate:
    """The candidate that is meant, once one of it could be made. Raises InputError."""
    found = _found(choice)
    made = found.make()
    if not isinstance(made, Scheduler):
        raise InputError(f"{found.name} makes a {type(made).__name__}, which is no rtsched Scheduler")
    made.claimed()  # are they claims?
    return found


def _found(choice: Choice) -> Candidate:
    if isinstance(choice, type):
        return _of_class(choice)
    if isinstance(choice, str | Mapping):
        description = _named(choice) if isinstance(choice, str) else _inside(choice)
        text = choice if isinstance(choice, str) else json.dumps(choice, default=str)
        return Candidate(text, lambda: api.scheduler(description), description, text)
    if isinstance(choice, Scheduler):
        raise InputError(
            f"{type(choice).__name__} keeps what it has seen, and is run many times: give its class, or a function "
            "that makes a new one"
        )
    if not callable(choice):
        raise InputError(f"a policy is a name, a mapping, a class or what makes one (found {as_found(choice)})")
    return Candidate(getattr(choice, "__name__", "policy"), choice)


# ---- classes ---------------------------------------------------------------------------------------------------------


def _of_class(kind: type) -> Candidate:
    if not issubclass(kind, Scheduler | Part):
        raise InputError(f"{kind.__name__} is no rtsched Scheduler, and no part of one; derive it from one")
    _makeable(kind)
    importable = "<" not in kind.__qualname__ and kind.__module__ != "__main__"
    where = f"{kind.__module__}:{kind.__qualname__}" if importable else None
    if issubclass(kind, Scheduler):
        return Candidate(kind.__name__, kind, where, where)
    part: Any = kind
    described = where and {part.kind: where}
    return Candidate(kind.__name__, lambda: ComposedScheduler(**{part.kind: part()}), described, where)


def _makeable(kind: type) -> None:
    """Raises InputError for a class that cannot be made without being told more."""
    parameters = list(inspect.signature(kind).parameters.values())
    wanted = [each.name for each in parameters if each.default is each.empty and each.kind not in (2, 4)]
    if wanted:
        raise InputError(
            f"{kind.__name__} cannot be made without {', '.join(wanted)}; give these a default, or write e.g. "
            f"'{{name: {kind.__module__}:{kind.__name__}, {wanted[0]}: …}}', in Python 'lambda: {kind.__name__}(…)'"
        )


# ---- text ------------------------------------------------------------------------------------------------------------


def _inside(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A description in which a file may stand where ``module:Class`` does."""
    return {key: _in_file(value) or value if isinstance(value, str) else value for key, value in choice.items()}


def _named(text: str) -> Description:
    """The description that a text is: a file of Python, or ``module:Class``, may also name a part."""
    if text.lstrip().startswith("{"):
        return _inside(api.parts_of(text))
    name = _in_file(text) or text
    if ":" not in name or set(name) & set("+,={"):
        return name
    found = REGISTRY.find("scheduler", name)
    if isinstance(found, type):
        if issubclass(found, Scheduler | Part):
            _makeable(found)
        if issubclass(found, Part) and found.kind in PARTS:
            return {found.kind: name}
    return name


def _in_file(text: str) -> str | None:
    """``module:Class`` for a class in a file of Python; None where no file is named. Raises InputError."""
    given = _FILE.fullmatch(text)
    if given is None:
        return None
    path = Path(given[1])
    if not path.is_file():
        raise InputError(f"there is no file {cut(str(path))!r}; write e.g. my_policy.py:MyPolicy")
    module = _module(path)
    name = given[2] or _only_policy(path, module)
    if not hasattr(module, name):
        raise InputError(f"{path}: has no {name!r}; it has {', '.join(_policies(module)) or 'no policy'}")
    return f"{module.__name__}:{name}"


def _module(path: Path) -> ModuleType:
    """A file of Python as a module, found by others, too, from now on. Raises InputError."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(path.stem)
    except (Exception, SystemExit) as error:  # somebody's module: anything can happen in it
        raise InputError(f"{path}: cannot be imported: {told(error)}") from error
    there = getattr(module, "__file__", None)
    if there is None or Path(there).resolve() != path.resolve():
        raise InputError(f"{path}: {path.stem!r} is another module already ({there or 'built in'}); rename the file")
    return module


def _policies(module: ModuleType) -> list[str]:
    """The policies, and parts of them, that a module itself has."""
    classes = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    return [each.__name__ for each in classes if issubclass(each, Scheduler | Part)]


def _only_policy(path: Path, module: ModuleType) -> str:
    names = _policies(module)
    if len(names) != 1:
        raise InputError(f"{path}: has {', '.join(names) or 'no policy'}; say which, e.g. {path.name}:MyPolicy")
    return names[0]
