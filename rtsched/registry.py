"""Policies and other things by name: of this process, then entry points of installed packages, then ``module:name``.

Each kind has a group of entry points: ``rtsched.schedulers`` for whole policies, ``rtsched.orderings`` and the like for
the parts of composed ones, ``rtsched.metrics``, ``rtsched.theorems``, ``rtsched.exporters``, ``rtsched.importers`` and
``rtsched.sections`` (of reports). What is built in are entry points of rtsched itself, so a plug-in takes the same way
in. Groups are read when something of their kind is first asked for.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from rtsched.errors import InputError, RtschedError
from rtsched.visible import cut

#: The parts of a composed scheduler.
PARTS = ("ordering", "placement", "adaptation", "admission", "speed")
#: What decides while time runs: the whole, and its parts.
POLICIES = ("scheduler", *PARTS)
#: What measures, proves, writes, reads and reports beside them.
OTHERS = ("metric", "theorem", "exporter", "importer", "section")
GROUPS = {kind: f"rtsched.{kind}s" for kind in (*POLICIES, *OTHERS)}


class Registry:
    """Names registered in this process, on top of the installed entry points."""

    def __init__(self) -> None:
        self.own: dict[tuple[str, str], Callable[..., Any]] = {}
        #: What ``module:name`` stood for, for other processes that may lack that module.
        self.imported: dict[tuple[str, str], Callable[..., Any]] = {}

    def register(self, kind: str, name: str, factory: Callable[..., Any]) -> None:
        """Make `factory` known as `name` (kind: one of GROUPS, e.g. scheduler, ordering, metric) in this process."""
        if kind not in GROUPS:
            raise InputError(f"register: kind {kind!r} is not one of {', '.join(GROUPS)}")
        if not callable(factory):
            raise InputError(f"register: {kind} {name!r} is a {type(factory).__name__}; give a class or a function")
        owner = _builtin(kind).get(name)
        if owner is not None:
            raise InputError(f"register: {name!r} is the name of rtsched's own {owner}; give yours another")
        self.own[kind, name] = factory

    def names(self, kind: str) -> list[str]:
        """All known names of a kind, sorted."""
        return sorted({*_installed(kind), *(name for own, name in self.own if own == kind)})

    def knows(self, kind: str, name: str) -> bool:
        """Whether something of a kind is called `name`."""
        return (kind, name) in self.own or name in _installed(kind)

    def find(self, kind: str, name: str, code: bool = True) -> Callable[..., Any]:
        """The factory called `name`; raises InputError with close names when there is none.

        ``module:Class`` imports that module, from the working folder, too; only where `code` may be named, which a file
        never may: it could be a stranger's.
        """
        if (kind, name) in self.own:
            return self.own[kind, name]
        installed = _installed(kind)
        if name in installed:
            return _load(kind, name, installed[name])
        if ":" in name:
            if not code:
                where = "on the command line (--scheduler)" if kind in POLICIES else "in Python"
                raise InputError(
                    f"{kind} {name!r} names code, which a file may not; say it {where}, or give it an entry point in "
                    f"{GROUPS[kind]} and write its name"
                )
            found = self.imported[kind, name] = _imported(kind, name)
            return found
        known = self.names(kind) + (self.names("ordering") if kind == "scheduler" else [])  # which name a policy, too
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"known: {', '.join(known)}"
        raise InputError(f"no {kind} is called {name!r}; {hint}")

    def package(self, kind: str, name: str) -> str:
        """The package that brings `name`, or the module where it was written; empty where it is rtsched's own."""
        if (kind, name) in self.own:
            return getattr(self.own[kind, name], "__module__", None) or "?"
        point = _installed(kind).get(name)
        if point is None:
            return name.partition(":")[0]
        return "" if _is_own(point) else point.dist.name if point.dist is not None else "?"

    def own_place(self, kind: str, name: str) -> tuple[str, str] | None:
        """The module and the name in it of what is rtsched's own; None for anything else."""
        point = None if (kind, name) in self.own else _installed(kind).get(name)
        if point is None or not _is_own(point):
            return None
        module, _, attribute = point.value.partition(":")
        return module, attribute

    def called(self, kind: str, name: str) -> str:
        """``metric 'lag'``, with the place of one that is not rtsched's own: how errors call it."""
        package = self.package(kind, name)
        if not package:
            return f"{kind} {name!r}"
        found = self.find(kind, name)
        place = f"{getattr(found, '__module__', '?')}:{getattr(found, '__qualname__', '?')}"
        return f"{kind} {cut(name)!r} of package {package} ({place})"

    def call(
        self,
        kind: str,
        name: str,
        function: Callable[..., Any],
        *arguments: Any,
        passing: type[Exception] | None = None,
    ) -> Any:
        """What a function says; where it is somebody else's and fails, an InputError that names it and its package.

        Errors of the kind `passing` are left as they are.
        """
        if not self.package(kind, name):
            return function(*arguments)
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            if passing is not None and isinstance(error, passing):
                raise
            text = str(error) if isinstance(error, RtschedError) else told(error)
            raise InputError(f"{self.called(kind, name)}: {text}") from error


REGISTRY = Registry()


@cache
def _points() -> Any:
    """The entry points of everything that is installed, read once: that costs some milliseconds."""
    return entry_points()


@cache
def _installed(kind: str) -> dict[str, EntryPoint]:
    """The entry points of a kind by name; two packages with one name are an error that names both."""
    found: dict[str, EntryPoint] = {}
    group = GROUPS[kind]
    for point in sorted(_points().select(group=group), key=lambda point: (point.name, point.value)):
        other = found.get(point.name)
        if not _is_own(point) and point.name in _builtin(kind):
            raise InputError(
                f"{_owner(point)} registers {point.name!r} in {group}, the name of rtsched's own "
                f"{_builtin(kind)[point.name]}; it has to be renamed there, or uninstalled here"
            )
        if other is not None and other.value != point.value:
            owners = " and ".join(_owner(each) for each in (other, point))
            raise InputError(f"two packages register {point.name!r} in {group}: {owners}; uninstall one of them")
        found[point.name] = point
    return found


@cache
def _builtin(kind: str) -> dict[str, str]:
    """The kind of each name that is rtsched's own; nobody else may take one.

    Policies and their parts share their names, since a proof that says "rm" says who decides.
    """
    kinds = POLICIES if kind in POLICIES else (kind,)
    return {point.name: each for each in kinds for point in _points().select(group=GROUPS[each]) if _is_own(point)}


def _is_own(point: EntryPoint) -> bool:
    return point.value.startswith("rtsched.")


def _owner(point: EntryPoint) -> str:
    return f"{point.dist.name if point.dist is not None else '?'} ({point.value})"


def _load(kind: str, name: str, point: EntryPoint) -> Callable[..., Any]:
    module, _, attribute = point.value.partition(":")
    there: Callable[..., Any] | None = getattr(sys.modules.get(module), attribute, None)
    if there is not None:  # imported before, as nearly always: `load` would take 10 us to find that out
        return there
    try:
        return point.load()  # type: ignore[no-any-return]
    except (Exception, SystemExit) as error:  # somebody's module: anything can happen in it
        raise InputError(f"{kind} {name!r} of package {_owner(point)} cannot be loaded: {told(error)}") from error


def _imported(kind: str, name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a policy in the working folder, also for the installed command
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # somebody's module: anything can happen in it
        raise InputError(f"{kind} {cut(name)!r} cannot be imported: {told(error)}") from error
    if not callable(found):
        raise InputError(f"{kind} {cut(name)!r} is a {type(found).__name__}; name a class")
    return found  # type: ignore[no-any-return]


def told(error: BaseException) -> str:
    """What somebody's code raised, with the place of its own in which that happened."""
    text = str(error) if isinstance(error, ImportError | AttributeError | ValueError) else ""
    text = text or f"{type(error).__name__}: {error}".removesuffix(": ")
    place = traceback.extract_tb(error.__traceback__)[-1]
    inside = Path(place.filename).parent in (Path(__file__).parent, Path(importlib.__file__).parent)
    is_known = inside or place.filename.startswith("<") or isinstance(error, SyntaxError)  # which names its file itself
    return text if is_known else f"{text} ({place.filename}:{place.lineno})"


#: Whom rtsched's own code calls; an error in any other module that it calls is that module's: a policy's.
_KNOWN = frozenset(
    ("rtsched", "click", "simpy", "numpy", "networkx", "pydantic", "pydantic_core", "matplotlib", "yaml", "tqdm",
     "onnx", "onnxruntime", "google", "scipy", "pandas", "pyarrow", "distributed")
)  # fmt: skip


def foreign(error: BaseException) -> str | None:
    """``file:line`` of the first code that is not rtsched's and that rtsched called on the way to an error."""
    trace, own = error.__traceback__, False
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "")).split(".")[0]
        if own and module not in _KNOWN and module not in sys.stdlib_module_names:
            return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        own = module == "rtsched"
        trace = trace.tb_next
    return None


def parameters_of(kind: str, name: str, code: bool = True) -> dict[str, inspect.Parameter]:
    """What the policy `name` can be made with, by name. Raises InputError."""
    return _parameters(kind, name, REGISTRY.find(kind, name, code))


def _parameters(kind: str, name: str, factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        is_class = isinstance(factory, type)
        signature = _signature(factory, factory.__init__) if is_class else inspect.signature(factory)
    except (TypeError, ValueError):
        raise InputError(f"{kind} {name!r} cannot be made, for nobody can say what it takes; name a class") from None
    return {
        parameter.name: parameter
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


@lru_cache(maxsize=1024)
def _signature(factory: type, init: Callable[..., Any]) -> inspect.Signature:
    """What a class is made with, read anew when it has another `__init__` than before: that takes some 100 us."""
    return inspect.signature(factory)


def build(kind: str, name: str, parameters: dict[str, Any], code: bool = True) -> Any:
    """Make the policy `name` with `parameters`; unknown or unfit parameters raise InputError."""
    factory = REGISTRY.find(kind, name, code)
    known = _parameters(kind, name, factory)
    for parameter in parameters:
        if parameter not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{kind} {name!r} has no parameter {cut(parameter)!r}; {has}")
    for parameter, value in parameters.items():
        _check(kind, name, known[parameter], value)
    try:
        return factory(**parameters)
    except RtschedError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{kind} {name!r}: {told(error)}") from error


#: What the values of a parameter may be, by a word of its annotation, and how that is called.
_TYPES: dict[str, Any] = {
    "int": Integral, "float": Real, "str": str, "bool": bool, "dict": Mapping, "Sequence": (list, tuple)
}  # fmt: skip
_CALLED = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false", "dict": "a mapping"}
_ANNOTATION = re.compile(r"(\w+)(?:\[(?:str, )?(\w+)\])?")


def _check(kind: str, name: str, parameter: inspect.Parameter, value: Any) -> None:
    """Refuse a value of another type than the one of the parameter's annotation, where that is made of simple ones."""
    annotation = parameter.annotation  # text, where its module postpones annotations
    wanted = (annotation.__name__ if isinstance(annotation, type) else str(annotation)).split(" | ")
    if any((found := _ANNOTATION.fullmatch(each)) is None or found[1] not in (*_TYPES, "None") for each in wanted):
        return
    if not any(_fits(each, value) for each in wanted):
        known = " or ".join(_CALLED.get(each.partition("[")[0], "a list") for each in wanted if each != "None")
        raise InputError(f"{kind} {name!r}: {parameter.name}: must be {known} (found {cut(repr(value))})")


def _fits(annotation: str, value: Any) -> bool:
    found = _ANNOTATION.fullmatch(annotation)
    assert found is not None
    if found[1] == "None" or value is None:
        return found[1] == "None" and value is None
    if isinstance(value, bool) and found[1] != "bool":
        return False
    if not isinstance(value, _TYPES[found[1]]) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return all(_fits(found[2] or "str", item) for item in items)
