"""The functions of an ONNX file: their bodies stand in for their calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from rtsched.dnn.onnx.tensors import GraphProto, ModelProto, NodeProto
from rtsched.errors import InputError

Key = tuple[str, str, str]

#: Functions that call functions are followed this deep.
MAX_CALLS = 50


def expanded(path: Path, model: ModelProto, most: int) -> ModelProto:
    """The model with the bodies of its functions in place of their calls; more than `most` nodes are refused."""
    if not model.functions:
        return model
    bodies = {(_domain(each.domain), each.name, getattr(each, "overload", "")): each for each in model.functions}
    own = next((each.name for each in model.functions if not _domain(each.domain)), None)
    if own is not None:
        raise InputError(
            f"{path}: redefines the operator {own!r} of the standard; give the function a domain of its own"
        )
    sizes: dict[Key, int] = {}
    for key in bodies:
        _size(path, key, bodies, sizes, most, ())
    calls = sum(sizes.get(_key(node), 1) for node in _nodes(model.graph))
    if calls > most:
        raise InputError(f"{path}: more than {most} nodes once its functions stand in for their calls")
    from onnx import inliner

    try:
        made = inliner.inline_local_functions(model)
    except Exception as error:  # the library raises what it likes
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"{path}: its functions cannot be expanded: {reason}") from None
    if not any(_key(node) in bodies for node in _nodes(made.graph)):
        return made
    try:  # functions of another version of the standard must be converted; what stays is unknown
        return inliner.inline_local_functions(model, convert_version=True)
    except Exception:  # as above
        return made


def _size(
    path: Path, key: Key, bodies: Mapping[Key, GraphProto], sizes: dict[Key, int], most: int, above: tuple[Key, ...]
) -> int:
    """How many nodes a call becomes."""
    if key in above:
        raise InputError(f"{path}: function {key[1]!r} calls itself; the model is not valid ONNX")
    if len(above) > MAX_CALLS:
        raise InputError(f"{path}: functions call functions more than {MAX_CALLS} deep")
    if key not in sizes:
        count = 0
        for node in _nodes(bodies[key]):
            called = _key(node)
            count += _size(path, called, bodies, sizes, most, (*above, key)) if called in bodies else 1
            if count > most:
                raise InputError(f"{path}: more than {most} nodes once its functions stand in for their calls")
        sizes[key] = max(1, count)
    return sizes[key]


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes of a graph or function, those of graphs inside it too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _nodes(inner)


def _key(node: NodeProto) -> Key:
    return _domain(node.domain), node.op_type, getattr(node, "overload", "")


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name
