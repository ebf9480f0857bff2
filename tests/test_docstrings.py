"""Everything public says what it is; a method that replaces one says it again only where there is more to say."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import rtsched


def modules() -> Iterator[ModuleType]:
    """Every module of rtsched."""
    for found in pkgutil.walk_packages(rtsched.__path__, "rtsched."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def members(thing: Any) -> Iterator[tuple[str, Any]]:
    """The public functions, methods, properties and classes that stand in a module or a class itself."""
    module = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
    for name, member in list(vars(thing).items()):  # to look at a model may be to finish it
        function = inspect.unwrap(getattr(member, "__func__", getattr(member, "fget", None)) or member)
        if name.startswith("_") or not (inspect.isclass(function) or inspect.isfunction(function)):
            continue
        if function.__module__ == module and function.__name__ == name:
            yield name, function


def described(owner: Any, name: str) -> bool:
    """Whether a member, or the one of that name that it replaces, has a docstring."""
    classes = owner.__mro__ if inspect.isclass(owner) else [owner]
    return any(getattr(vars(each).get(name), "__doc__", None) for each in classes)


def undescribed(thing: Any, where: str) -> Iterator[str]:
    """The names of what has no docstring in a module or a class, whole."""
    for name, member in members(thing):
        if not described(thing, name):
            yield f"{where}.{name}"
        if inspect.isclass(member):
            yield from undescribed(member, f"{where}.{name}")


def test_everything_public_has_a_docstring() -> None:
    """Modules and classes are held to it by ruff (D100 to D104)."""
    assert [name for module in modules() for name in undescribed(module, module.__name__)] == []
