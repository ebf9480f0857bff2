"""YAML documents that know the line of every value, read so that no file can hang, crash or mislead the reader.

The tree is built from PyYAML's parse events in one loop without recursion, so nesting, aliases, duplicate keys and
tags are judged before anything grows. Scalars follow YAML 1.1 as PyYAML's safe loader reads them, except that dates
stay text; merge keys (``<<``) work.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.reader import Reader

from rtsched.errors import InputError
from rtsched.visible import cut

__all__ = ["Document", "Location", "cut", "parse_value", "parse_yaml", "read_text", "read_yaml"]

Location = tuple[str | int, ...]

MAX_BYTES: Final = 64 * 2**20
MAX_DEPTH: Final = 64
#: Of the document with its aliases written out. A workload of 100 000 tasks of six keys each has 1 300 000.
MAX_NODES: Final = 2_000_000
MAX_VALUE: Final = 64 * 2**10
#: The longest number; sexagesimal ones (``1:1:1:…``) take quadratic time to read.
MAX_NUMBER: Final = 64

TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = object()


class Node:
    """A value of a document with its place (from 0), its children, and its size and height with aliases written out."""

    __slots__ = ("children", "column", "height", "keys", "line", "size", "text", "value")

    def __init__(self, mark: yaml.Mark, value: Any, text: str | None = None) -> None:
        self.line: int = mark.line
        self.column: int = mark.column
        self.value = value
        self.text = text
        self.children: dict[str | int, Node] | None = None
        self.keys: dict[str, Node] = {}
        self.size = 1
        self.height = 0


class Document:
    """The data of a file with the place of every value; built from Python data it has a path only."""

    __slots__ = ("_root", "data", "path")

    def __init__(self, data: Any, path: str = "<text>", root: Node | None = None) -> None:
        self.data = data
        self.path = path
        self._root = root

    def with_data(self, data: Any) -> Document:
        """The same places with other data."""
        return Document(data, self.path, self._root)

    def where(self, loc: Location = (), *, key: bool = False) -> str:
        """``file:line:column`` of the value (or the key) at `loc`; parts that are not in the file are passed over."""
        if self._root is None:
            return self.path
        *above, last = self._walk(loc)
        if key and above and loc:
            last = above[-1].keys.get(str(loc[-1]), last)
        return f"{self.path}:{last.line + 1}:{last.column + 1}"

    def written(self, loc: Location, value: Any) -> str | None:
        """The text of the scalar at `loc` as it stands in the file, if the file's value there is this one."""
        found = self._walk(loc) if self._root is not None else []
        return found[-1].text if len(found) == len(loc) + 1 and found[-1].value is value else None

    def _walk(self, loc: Location) -> list[Node]:
        assert self._root is not None
        found = [self._root]
        for part in loc:
            child = (found[-1].children or {}).get(part)
            if child is not None:
                found.append(child)
        return found


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a regular UTF-8 file of at most 64 MiB."""
    shown = os.fspath(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise InputError(f"{shown}: is {what}; name a file")
        if status.st_size > MAX_BYTES:
            raise InputError(f"{shown}: is larger than {MAX_BYTES >> 20} MiB ({status.st_size} bytes); split it")
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no path has such characters"
        raise InputError(f"{cut(shown, 500)}: cannot be read: {reason}; check the path") from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"{shown}: is larger than {MAX_BYTES >> 20} MiB; split it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        byte = raw[error.start]
        raise InputError(f"{shown}:{line}:{column}: is not UTF-8 text (byte 0x{byte:02x}); save it as UTF-8") from None


def read_yaml(path: str | os.PathLike[str]) -> Document:
    """The document in a YAML file."""
    return parse_yaml(read_text(path), str(Path(path)))


def parse_yaml(text: str, path: str = "<text>") -> Document:
    """The document in a YAML text whose top level is a mapping; `path` names it in errors."""
    if len(text) > MAX_BYTES:
        raise InputError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; split it")
    root = _Composer(text, path).compose()
    if root is None or root.value is None:
        raise InputError(f"{path}:1:1: is empty; write 'key: value' lines")
    if not isinstance(root.value, dict):
        found = "a list" if isinstance(root.value, list) else repr(cut(root.text or ""))
        raise InputError(f"{path}:{root.line + 1}:{root.column + 1}: the file must be a mapping (got {found}); "
                         "write 'key: value' lines")  # fmt: skip
    return Document(root.value, path, root)


def parse_value(text: str, path: str = "<text>") -> Any:
    """The value of a short YAML text such as ``20ms``, ``4`` or ``[a, b]``; nothing is None."""
    if len(text) > MAX_VALUE:
        raise InputError(f"{path}: the value is longer than {MAX_VALUE} characters; put it in a file")
    root = _Composer(text, path).compose()
    return None if root is None else root.value


def _mark(event: yaml.Event) -> yaml.Mark:
    """Where an event begins; events of a parser always know."""
    mark = event.start_mark
    assert mark is not None
    return mark  # type: ignore[return-value]


class _Frame:
    """A mapping or a list that is still open: its node, the key that waits for a value, what it merges."""

    __slots__ = ("key", "merged", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.key: Node | None = None
        self.merged: Node | None = None


class _Composer:
    """Builds the tree of nodes of one text from its parse events, and raises InputError on the first fault."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.text = text
        self._check_characters(text)
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.loader = loader(text)
        self.open: list[_Frame] = []
        self.anchors: dict[str, Node] = {}
        self.plain: dict[str, Any] = {"<<": _MERGE}
        self.count = 0
        self.root: Node | None = None

    def compose(self) -> Node | None:
        """The root node; None of a text without any."""
        documents = 0
        for event in self._events():
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._anchored(event, Node(_mark(event), self._scalar(event), event.value)))
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._start(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._add(self._alias(event))
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._problem(event.start_mark, "a second document begins; keep one per file")
        return self.root

    def _events(self) -> Iterator[Any]:
        try:
            while self.loader.check_event():
                yield self.loader.get_event()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            rest = self.text[mark.index : mark.index + 1] if mark is not None else ""
            raise self._problem(mark, _explain(error, rest)) from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # versions and escapes without sense
            raise InputError(f"{self.path}: is not YAML: {cut(str(error), 200)}") from None
        finally:
            self.loader.dispose()

    def _problem(self, place: Any, message: str) -> InputError:
        where = f":{place.line + 1}:{place.column + 1}" if place is not None else ""
        return InputError(f"{self.path}{where}: {message}")

    def _check_characters(self, text: str) -> None:
        match = Reader.NON_PRINTABLE.search(text)
        if match is not None:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            code = ord(match.group())
            raise InputError(f"{self.path}:{line}:{column}: the character U+{code:04X} is not allowed; remove it")

    def _anchored(self, event: Any, node: Node) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise self._problem(node, f"more than {MAX_NODES} values; split the file")
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _start(self, event: Any) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", TAG + ("map" if mapping else "seq")):
            raise self._problem(event.start_mark, f"the tag {cut(event.tag)!r} is not supported; remove it")
        if len(self.open) >= MAX_DEPTH:
            raise self._problem(event.start_mark, f"nested deeper than {MAX_DEPTH} levels; flatten it")
        node = self._anchored(event, Node(event.start_mark, {} if mapping else []))
        node.children = {}
        self.open.append(_Frame(node))

    def _end(self) -> None:
        frame = self.open.pop()
        if frame.merged is not None:
            self._merge(frame.node, frame.merged)
        self._add(frame.node)

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            raise self._problem(
                event.start_mark, f"the alias *{cut(event.anchor)} has no anchor &{cut(event.anchor)} before it"
            )
        if any(frame.node is node for frame in self.open):
            raise self._problem(
                event.start_mark, f"the alias *{cut(event.anchor)} lies inside its own anchor; remove it"
            )
        if len(self.open) + node.height > MAX_DEPTH:
            raise self._problem(event.start_mark, f"nested deeper than {MAX_DEPTH} levels; flatten it")
        return node

    def _add(self, node: Node) -> None:
        """Puts a finished node where it belongs: a key or a value of the innermost open node, or the root."""
        if not self.open:
            self.root = self._unmerged(node)
            return
        frame = self.open[-1]
        parent = frame.node
        if isinstance(parent.value, dict) and frame.key is None:
            self._add_key(frame, node)
            return
        if frame.key is not None and frame.key.value is _MERGE:
            frame.merged = node
            frame.key = None
            return
        assert parent.children is not None
        self._unmerged(node)
        parent.height = max(parent.height, node.height + 1)
        self._grow(parent, node)
        if frame.key is not None:
            parent.value[frame.key.value] = node.value
            parent.children[frame.key.value] = node
            frame.key = None
        else:
            parent.children[len(parent.value)] = node
            parent.value.append(node.value)

    def _add_key(self, frame: _Frame, node: Node) -> None:
        key = node.value
        if key is _MERGE:
            if frame.merged is not None:
                raise self._problem(node, "a second '<<'; merge a list: '<<: [*a, *b]'")
        elif not isinstance(key, str):
            text = cut(node.text or "")
            if isinstance(key, dict | list) or not text:
                raise self._problem(node, "a key must be text; write 'key: value'")
            raise self._problem(node, f"the key {text} means {_yaml_word(key)} in YAML; put it in quotes: '{text}'")
        elif key in frame.node.keys:
            first = frame.node.keys[key].line + 1
            raise self._problem(
                node, f"the key {cut(key)!r} stands here a second time, first in line {first}; remove one"
            )
        else:
            frame.node.keys[key] = node
        frame.key = node

    def _grow(self, parent: Node, node: Node) -> None:
        parent.size += node.size
        if parent.size > MAX_NODES:
            raise self._problem(node, f"more than {MAX_NODES} values with aliases written out; split the file")

    def _unmerged(self, node: Node) -> Node:
        if node.value is _MERGE:
            node.value = node.text
        return node

    def _merge(self, node: Node, merged: Node) -> None:
        """Adds the pairs of the merged mappings that the node does not have itself; earlier mappings win."""
        sources = list((merged.children or {}).values()) if isinstance(merged.value, list) else [merged]
        children: dict[str | int, Node] = {}
        keys: dict[str, Node] = {}
        for source in reversed(sources):
            if not isinstance(source.value, dict):
                raise self._problem(source, "'<<' merges mappings only; write '<<: *anchor'")
            self._grow(node, source)
            children.update(source.children or {})
            keys.update(source.keys)
            node.height = max(node.height, source.height)
        node.children = children | (node.children or {})
        node.keys = keys | node.keys
        values = {key: child.value for key, child in node.children.items()}
        node.value.clear()
        node.value.update(values)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.implicit[0]:
            if text not in self.plain:
                self.plain[text] = self._construct(event, self.loader.resolve(yaml.ScalarNode, text, (True, False)))
            return self.plain[text]
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise self._problem(event.start_mark, "an escape names half a character; write the character itself")
        return text if event.implicit[1] else self._construct(event, event.tag)

    def _construct(self, event: Any, tag: str) -> Any:
        text: str = event.value
        kind = tag.removeprefix(TAG)
        if kind in ("str", "timestamp", "value", "merge"):
            return text
        if kind not in ("null", "bool", "int", "float"):
            raise self._problem(event.start_mark, f"the tag {cut(tag)!r} is not supported; remove it")
        try:
            if len(text) > MAX_NUMBER:
                raise ValueError
            value = getattr(self.loader, f"construct_yaml_{kind}")(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError, OverflowError):
            raise self._problem(event.start_mark, f"{cut(text)!r} is not a valid {kind}; put text in quotes") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._problem(
                event.start_mark, f"{text} is not a finite number; write a number, or put text in quotes"
            )
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise self._problem(event.start_mark, f"{text} does not fit into 64 bits; put text in quotes")
        return value


def _yaml_word(value: Any) -> str:
    """A scalar the way YAML writes it: true, null, 8."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    """PyYAML's complaint in our form, where `text` is what could not be read."""
    if text.startswith("\t"):
        return "a tab stands where only spaces may; indent with spaces"
    reason = str(error.problem or error.context or "syntax error")
    if "cannot start any token" in reason:
        return f"is not YAML: {text[:1]!r} cannot begin a value; put the value in quotes"
    context = f" {error.context}" if error.context and error.context != reason else ""
    begun = f" begun in line {error.context_mark.line + 1}" if context and error.context_mark is not None else ""
    return f"is not YAML: {cut(reason, 120)}{cut(context, 120)}{begun}; check indentation, quotes, brackets and colons"
