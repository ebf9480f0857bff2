"""An execution time, with where it is from, put into the text of a system file: all else stays as it is written.

Comments, order and blanks are kept: the new text is the old one with the value of `wcet` replaced, and `origin` beside
it. What a name stands for in several places (an anchor) is not touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtsched import units
from rtsched.errors import InputError
from rtsched.model.document import cut, parse_yaml


@dataclass(frozen=True)
class Place:
    """Whose execution time: a task's own, or that of a node of its graph; of one cluster where it has several."""

    task: str
    node: str | None = None
    cluster: str | None = None

    def __str__(self) -> str:
        node = f".{cut(self.node, 30)}" if self.node is not None else ""
        return f"{cut(self.task, 30)}{node}" + (f" on {cut(self.cluster, 30)}" if self.cluster is not None else "")


def put(text: str, path: str, place: Place, time: int, origin: Mapping[str, Any]) -> str:
    """The text of the system file `path` with the time (ns) and its origin at a place. Raises InputError."""
    data = parse_yaml(text, path).data
    holder, words = _holder(text, path, place)
    pairs = {key.value: (key, value) for key, value in holder.value}
    if "wcet" not in pairs:
        what = next((key for key in ("network", "graph", "variants") if key in pairs), None)
        todo = "name a node of its graph with --node" if what == "graph" else "write the wcet that it is to replace"
        raise InputError(f"{path}:{_line(holder)}: {place} has no 'wcet'{f' but {what!r}' if what else ''}; {todo}")
    _, value = pairs["wcet"]
    changed = _changed(path, place, value, time)
    edits = [changed]
    old = data
    for word in words:
        old = old[word]
    edits.append(_origin(text, path, place, holder, pairs, dict(origin), old))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    _check(text, path, data, words)
    return text


def _changed(path: str, place: Place, value: Any, time: int) -> tuple[int, int, str]:
    """Where the old time stands, and the new one."""
    import yaml

    written = units.format_duration(time)
    if isinstance(value, yaml.MappingNode):
        inner = {key.value: each for key, each in value.value}
        known = ", ".join(cut(name, 30) for name in inner)
        only = next(iter(inner)) if len(inner) == 1 else None
        cluster = place.cluster or only
        if cluster is None:
            raise InputError(f"{path}:{_line(value)}: {place} has a time for each of {known}; say which with --cluster")
        if cluster not in inner:
            raise InputError(
                f"{path}:{_line(value)}: {cut(place.task, 30)} has no time on {cut(cluster)!r}; it has {known}"
            )
        value = inner[cluster]
    elif place.cluster is not None:
        raise InputError(
            f"{path}:{_line(value)}: {cut(place.task, 30)} has one time on all clusters; leave --cluster out, or "
            "write one for each"
        )
    if not isinstance(value, yaml.ScalarNode) or value.style in ("|", ">"):
        raise InputError(f"{path}:{_line(value)}: the wcet of {place} is no single value; write one")
    return value.start_mark.index, value.end_mark.index, written


def _origin(
    text: str, path: str, place: Place, holder: Any, pairs: Mapping[str, Any], origin: dict[str, Any], old: Any
) -> tuple[int, int, str]:
    """Where `origin` stands or is to stand, and the new text there."""
    if place.cluster is not None:
        before = old.get("origin") or {}
        if not isinstance(before, dict) or "kind" in before:
            raise InputError(
                f"{path}:{_line(holder)}: {place}: its origin is one for all clusters; write one for each, or remove it"
            )
        origin = {**before, place.cluster: origin}
    written = flow(origin)
    if "origin" in pairs:
        value = pairs["origin"][1]
        return value.start_mark.index, _end(value), written
    key, value = pairs["wcet"]
    if holder.flow_style:
        return value.end_mark.index, value.end_mark.index, f", origin: {written}"
    indent = " " * key.start_mark.column
    end = text.find("\n", _end(value))
    end = len(text) if end < 0 else end
    return end, end, f"\n{indent}origin: {written}"


def _end(node: Any) -> int:
    """Where the last thing inside a node ends: a block itself ends where the next thing begins, behind comments."""
    inner = node.value
    if not isinstance(inner, list) or not inner or node.flow_style:
        return int(node.end_mark.index)
    last = inner[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def flow(value: Any) -> str:
    """A mapping of texts and numbers on one line of YAML.

    >>> flow({"kind": "high-water", "n": 5, "reason": "it's: \\"so\\""})
    '{kind: high-water, n: 5, reason: "it\\'s: \\\\"so\\\\""}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str):
        return value if value.isascii() and value.replace("-", "").isalpha() and not _means(value) else _quoted(value)
    return format(value, ".17g") if isinstance(value, float) and value >= 1e-4 else _number(value)


def _number(value: Any) -> str:
    """A number as YAML 1.1 reads it: with a point in front of an exponent."""
    text = repr(value)
    mantissa, exponent, rest = text.partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{rest}" if exponent else text


def _key(key: str) -> str:
    return (
        key
        if key.isascii() and key.replace("_", "").isalnum() and key[0].isalpha() and not _means(key)
        else _quoted(key)
    )


def _means(text: str) -> bool:
    return text.lower() in ("yes", "no", "on", "off", "true", "false", "null")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _line(node: Any) -> str:
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _holder(text: str, path: str, place: Place) -> tuple[Any, tuple[str | int, ...]]:
    """The mapping that has the time, and how it is reached in the data."""
    import yaml

    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    tasks = _child(root, "tasks")
    if tasks is None or not isinstance(tasks, yaml.SequenceNode):
        raise InputError(f"{path}: has no list 'tasks'; name a system file")
    names = []
    for number, task in enumerate(tasks.value):
        name = _child(task, "name")
        names.append(name.value if name is not None else "")
        if names[-1] != place.task:
            continue
        here = task
        words: tuple[str | int, ...] = ("tasks", number)
        if place.node is not None:
            nodes = _child(_child(task, "graph"), "nodes")
            here = _child(nodes, place.node)
            words = (*words, "graph", "nodes", place.node)
            if here is None:
                known = ", ".join(cut(key.value, 30) for key, _ in nodes.value) if nodes is not None else "no graph"
                raise InputError(
                    f"{path}:{_line(task)}: {cut(place.task, 30)} has no node {cut(place.node)!r}; {known}"
                )
        _alone(root, here, path, place)
        return here, words
    known = ", ".join(cut(name, 30) for name in names[:20])
    raise InputError(f"{path}: there is no task {cut(place.task)!r}; it has {known}")


def _child(node: Any, key: str) -> Any:
    pairs = getattr(node, "value", None)
    if not isinstance(pairs, list):
        return None
    return next(
        (value for name, value in (each for each in pairs if isinstance(each, tuple)) if name.value == key), None
    )


def _alone(root: Any, wanted: Any, path: str, place: Place) -> None:
    """Refuse what stands in several places by an anchor: a change here would be one there."""
    count = 0
    waiting = [root]
    while waiting:
        node = waiting.pop()
        count += node is wanted
        if isinstance(node.value, list):
            waiting += [each for pair in node.value for each in (pair if isinstance(pair, tuple) else (pair,))]
    if count > 1:
        raise InputError(f"{path}:{_line(wanted)}: {place} is written once for several (an anchor); write it out first")


def _check(text: str, path: str, before: Any, words: tuple[str | int, ...]) -> None:
    """That nothing but the one place has changed; an assertion of ours, not a mistake of the user."""
    after = parse_yaml(text, path).data

    def without(data: Any) -> Any:
        import copy

        data = copy.deepcopy(data)
        here = data
        for word in words:
            here = here[word]
        here.pop("wcet", None)
        here.pop("origin", None)
        return data

    assert without(after) == without(before), "another value of the file would change"
