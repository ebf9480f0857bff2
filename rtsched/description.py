"""Schedulers as they are described: a name, names joined by ``+``, or a mapping; read into a mapping of parts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from rtsched.errors import InputError
from rtsched.model.document import parse_value
from rtsched.registry import PARTS, REGISTRY
from rtsched.visible import as_found, cut

MODES = ("preemptive", "limited", "nonpreemptive")
#: What a cluster may have of its own.
RULES = ("ordering", "preemption")
#: The keys of a composed scheduler's description; every other one names a cluster.
KEYS = (*PARTS, "preemption", "oracle", "name")


def parts_of(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    """The description of a scheduler as a mapping of its parts, however it was written.

    >>> parts_of("rm+first-fit+nonpreemptive")
    {'name': 'rm', 'placement': 'first-fit', 'preemption': 'nonpreemptive'}
    """
    if isinstance(choice, Mapping):
        return _spread(dict(choice))
    if not isinstance(choice, str):
        raise InputError(
            f"a scheduler is a name, a mapping or a Scheduler (found {as_found(choice)}); e.g. 'rm+first-fit'"
        )
    if choice.lstrip().startswith("{"):
        parsed = parse_value(choice, "scheduler")
        if not isinstance(parsed, dict):
            raise InputError(f"scheduler {choice!r} is no mapping; write e.g. '{{ordering: edf}}'")
        return _spread(parsed)
    return _parts(choice)


def _spread(parts: dict[str, Any]) -> dict[str, Any]:
    """The parts that a name such as ``rm+first-fit`` stands for, put beside the others."""
    name = parts.get("name")
    if not isinstance(name, str) or not set(name) & set("+,={"):
        return parts
    named, others = parts_of(name), {key: value for key, value in parts.items() if key != "name"}
    for key in named.keys() & others.keys():
        raise InputError(f"scheduler {name!r}: both {named[key]!r} and {others[key]!r} are a {key}; give one")
    return named | others


def _parts(text: str) -> dict[str, Any]:
    """``"edf+global+limited"`` or ``"ordering=edf,placement=global"`` as a mapping."""
    parts: dict[str, Any] = {}
    for word in text.replace(",", "+").split("+"):
        word = word.strip()
        key, equals, value = word.partition("=")
        cluster, dot, inner = key.strip().partition(".")
        if equals and dot and cluster and inner:  # a part of a cluster's own: "npu.preemption=nonpreemptive"
            own = parts.setdefault(cluster, {})
            own = parts[cluster] = own if isinstance(own, dict) else {"ordering": own}
            if inner in own:
                raise InputError(f"scheduler {text!r}: {key.strip()!r} is given twice; give one")
            own[inner] = value.strip()
            continue
        if equals:
            kind, word = key.strip(), value.strip()
        elif word in MODES:
            kind = "preemption"
        else:
            kind = next((part for part in PARTS[1:] if REGISTRY.knows(part, word)), "name")
        if kind in parts:
            _must_exist(text, parts[kind], word)
            raise InputError(f"scheduler {text!r}: both {parts[kind]!r} and {word!r} are a {kind}; give one")
        parts[kind] = word
    return parts


def _must_exist(text: str, *words: str) -> None:
    """Words that nobody knows all count as the policy's name; say so rather than that there are two."""
    known = {*MODES, *(name for kind in ("scheduler", *PARTS) for name in REGISTRY.names(kind))}
    for word in words:
        if word not in known and ":" not in word:
            close = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "`rtsched list` names them all"
            raise InputError(f"scheduler {text!r}: nothing is called {word!r}; {hint}")


def names_of(parts: dict[str, Any]) -> dict[str, str]:
    """The names of a scheduler's parts, without their parameters."""
    names = {key: value.get("name") if isinstance(value, dict) else value for key, value in parts.items()}
    name = names.get("name")
    if isinstance(name, str) and REGISTRY.knows("ordering", name) and not REGISTRY.knows("scheduler", name):
        names["ordering"] = names.pop("name")
    for cluster, rule in clusters_of(parts).items():
        del names[cluster]
        ordering = rule.get("ordering")
        called = ordering.get("name") if isinstance(ordering, dict) else ordering
        if called is not None:
            names[f"{cluster}.ordering"] = called
    return {"ordering": "edf", "placement": "global"} | {key: str(value) for key, value in names.items()}


def clusters_of(parts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a composed scheduler's description says of clusters: by name an ordering, a preemption or both.

    Every key that is no part names a cluster; whether there is such a one, the platform says. Raises InputError.

    >>> clusters_of(parts_of("fp+npu=fifo+npu.preemption=nonpreemptive"))
    {'npu': {'ordering': 'fifo', 'preemption': 'nonpreemptive'}}
    """
    name = parts.get("name", "composed")
    if name != "composed" and not (isinstance(name, str) and _is_ordering(name)):
        return {}  # a whole scheduler, whose keys are parameters
    return {str(key): _rule(str(key), value) for key, value in parts.items() if key not in KEYS}


def _is_ordering(name: str) -> bool:
    return REGISTRY.knows("ordering", name) and not REGISTRY.knows("scheduler", name)


def _rule(cluster: str, value: Any) -> dict[str, Any]:
    """What is said of one cluster: a name, names joined by ``+``, or a mapping."""
    said = f"scheduler: {cut(cluster)!r} is no part of a scheduler ({', '.join(KEYS[:-1])}), and as a cluster it has"
    if not isinstance(value, str | Mapping):
        raise InputError(f"{said} an ordering (found {as_found(value)}); e.g. '{cut(cluster)}: fifo'")
    found = {str(key): each for key, each in parts_of(value).items()}
    if "name" in found and not ("ordering" in found or (isinstance(value, Mapping) and len(found) == 0)):
        found["ordering"] = found.pop("name")
    for key, each in found.items():
        if key not in RULES:
            raise InputError(
                f"{said} an ordering and a preemption of its own, no {cut(key)} (found {cut(repr(each))}); placement, "
                "adaptation, admission and speed are the whole system's"
            )
    if not found:
        raise InputError(f"{said} an ordering or a preemption; e.g. '{cut(cluster)}: fifo'")
    ordering = found.get("ordering")
    if isinstance(ordering, str) and not REGISTRY.knows("ordering", ordering) and ":" not in ordering:
        _must_exist(ordering, ordering)
        raise InputError(f"{said} an ordering: {cut(ordering)!r} is none; `rtsched list orderings` names them all")
    return found
