"""What is compared: policies by name, mapping, class or object, each with a label, and what tells two of them apart."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rtsched import api
from rtsched.errors import InputError
from rtsched.visible import as_found

if TYPE_CHECKING:
    from rtsched.schedulers.base import Scheduler


@dataclass(frozen=True)
class Choice:
    """One of the policies of a study: its label, and what it is made of; ``file`` is the system's own.

    One out of a file may not name `code`: it could be a stranger's.
    """

    label: str
    what: Any
    code: bool = True

    @property
    def own(self) -> bool:
        """Whether it is the scheduler that the system's file names."""
        return bool(self.what == api.OWN)

    def make(self) -> Scheduler:
        """A new scheduler: it keeps state, so every run has one of its own. Raises InputError."""
        from rtsched.schedulers.base import Scheduler

        if isinstance(self.what, type):
            return api.scheduler(self.what())
        return api.scheduler(deepcopy(self.what) if isinstance(self.what, Scheduler) else self.what, code=self.code)

    def fingerprint(self) -> str:
        """A text that changes when the policy does: its parts, and the source of those that are not rtsched's own."""
        if self.own:
            return api.OWN
        made = self.make()
        sources = [source_of(type(part)) for part in (made, *made.parts())]
        what = api.parts_of(self.what) if isinstance(self.what, str | Mapping) else _content(made, 0)
        return repr((_plain(what), sorted(filter(None, sources))))


def choices(policies: Any, *, code: bool = True) -> tuple[Choice, ...]:
    """The policies of a study: one, several, or several by label; the same one twice counts once. Raises InputError."""
    if isinstance(policies, Mapping) and not _describes(policies):
        found = [Choice(str(label), _checked(what), code) for label, what in policies.items()]
    else:
        several = policies if isinstance(policies, list | tuple | set | frozenset) else [policies]
        found = [Choice(called(_checked(what)), what, code) for what in several]
    unique: dict[str, Choice] = {}
    for each in found:
        other = unique.setdefault(each.label, each)
        if other is not each and not isinstance(each.what, str | Mapping) and other.what is not each.what:
            raise InputError(f"two policies are called {each.label!r}; give them labels: {{'a': ..., 'b': ...}}")
    return tuple(unique.values())


def called(what: Any) -> str:
    """A policy as a text that describes it: its label, unless it is given one."""
    if isinstance(what, str):
        return what
    if isinstance(what, Mapping):
        return yaml.safe_dump(api.parts_of(what), default_flow_style=True, sort_keys=False, width=math.inf).strip()
    return what.__name__ if isinstance(what, type) else str(what.described())


def _describes(mapping: Mapping[Any, Any]) -> bool:
    """Whether a mapping is one policy in parts, and not several by label."""
    from rtsched.registry import PARTS

    return bool(set(mapping) & {"name", "preemption", *PARTS})


def _checked(what: Any) -> Any:
    from rtsched.schedulers.base import Scheduler

    kind = isinstance(what, type) and issubclass(what, Scheduler)
    if not (isinstance(what, str | Mapping | Scheduler) or kind):
        raise InputError(
            f"a policy is a name, a mapping, a class of schedulers or a Scheduler (found {as_found(what)}); e.g. 'edf'"
        )
    return what


# ---- what tells policies apart ---------------------------------------------------------------------------------------


def source_of(thing: Any) -> str:
    """A fingerprint of the file in which a class or a function of somebody else's stands; empty for rtsched's own."""
    module = str(thing.__module__)
    if module.partition(".")[0] == "rtsched":
        return ""
    path = getattr(sys.modules.get(module), "__file__", None)
    try:
        text = b"" if path is None else Path(path).read_bytes()
    except OSError:
        text = b""
    return f"{module}:{thing.__qualname__} {hashlib.sha256(text).hexdigest()[:16]}"


def _content(value: Any, depth: int) -> Any:
    """An object as plain data: what it was made with, however deep (to a bound)."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return sorted((str(key), _content(item, depth + 1)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return [_content(item, depth + 1) for item in value]
    kind = f"{type(value).__module__}:{type(value).__qualname__}"
    if depth > 4:
        return kind
    fields: Iterable[tuple[str, Any]] = getattr(value, "__dict__", {}).items()
    return [kind, sorted((name, _content(item, depth + 1)) for name, item in fields)]


def _plain(value: Any) -> Any:
    """A description with its keys in order, so that their order tells nothing apart."""
    if isinstance(value, Mapping):
        return sorted((str(key), _plain(item)) for key, item in value.items())
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
