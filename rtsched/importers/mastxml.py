"""MAST's XML form, as MAST's own tools write it, in the same values as its text: one mapping serves both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtsched.errors import InputError
from rtsched.importers.masttext import MastValue
from rtsched.importers.xml import Element
from rtsched.importers.xml import parse as parse_xml
from rtsched.model.document import cut

#: What the text calls an element, by the end of its tag, and what that end leaves of its type.
_KINDS: Final = (
    ("_processor", "processing_resource", False), ("_network", "processing_resource", False),
    ("_scheduling_server", "scheduling_server", True), ("_scheduler", "scheduler", False),
    ("_resource", "shared_resource", False), ("_operation", "operation", True),
    ("message_transmission", "operation", False), ("_transaction", "transaction", True),
)  # fmt: skip
#: Children that the text has as one key.
_KEYS: Final = (
    ("_system_timer", "system_timer"), ("_scheduler", "policy"), ("_policy", "server_sched_parameters"),
    ("overridden_fixed_priority", "new_sched_parameters"), ("overridden_permanent_fp", "new_sched_parameters"),
    ("srp_parameters", "synchronization_parameters"), ("list_of_drivers", "list_of_drivers"),
)  # fmt: skip
#: Children whose text is a list of names.
_LISTS: Final = {
    "shared_resources_list": "shared_resources_list", "shared_resources_to_lock": "shared_resources_to_lock",
    "shared_resources_to_unlock": "shared_resources_to_unlock", "operation_list": "composite_operation_list",
}  # fmt: skip


def parse(path: str, text: str) -> list[tuple[str, MastValue]]:
    """The elements of a model in XML, by kind in small letters. Raises InputError with the line."""
    root = parse_xml(path, text, "MAST")
    if _tag(root) != "mast_model":
        raise InputError(f"{path}:{root.line}: the root is <{cut(root.tag)}>; a MAST model has <MAST_MODEL>")
    return [_element(path, each) for each in root.children]


def _tag(element: Element) -> str:
    """Its tag in small letters, without a prefix."""
    return element.tag.rpartition(":")[2].lower()


def _attributes(path: str, element: Element, kind: str = "") -> MastValue:
    """A value of the attributes of an element, and of its type."""
    value = MastValue(element.line)
    if kind:
        value.pairs.append(("type", MastValue(element.line, kind)))
    for key, word in element.attributes.items():
        if not key.startswith(("xmlns", "xsi:")):
            if value.get(key.lower()) is not None:
                raise InputError(f"{path}:{element.line}: is not MAST XML: {cut(key)!r} stands twice; check the file")
            value.pairs.append((key.lower(), MastValue(element.line, word.strip())))
    return value


def _element(path: str, element: Element) -> tuple[str, MastValue]:
    """An element of the model, under the kind that the text gives it."""
    tag = _tag(element)
    for end, kind, shortened in _KINDS:
        if tag.endswith(end):
            value = _attributes(path, element, tag.removesuffix(end) if shortened else tag)
            if kind == "transaction":
                _transaction(path, element, value)
            else:
                value.pairs += list(_children(path, element))
            return kind, value
    return tag, _attributes(path, element)


def _children(path: str, element: Element) -> Iterator[tuple[str, MastValue]]:
    seen: set[str] = set()
    for child in element.children:
        tag = _tag(child)
        if tag in _LISTS:
            key = _LISTS[tag]
            value = MastValue(child.line, values=[MastValue(child.line, word) for word in child.text.split()])
        else:
            key = next((key for end, key in _KEYS if tag.endswith(end)), tag)
            value = _attributes(path, child, tag.removesuffix("_scheduler"))
        if key in seen:
            raise InputError(f"{path}:{child.line}: is not MAST XML: a second <{cut(child.tag)}>; check the file")
        seen.add(key)
        yield key, value


def _transaction(path: str, element: Element, value: MastValue) -> None:
    """The events and the handlers of a transaction, in three lists as in the text."""
    lists = {key: MastValue(element.line) for key in ("external_events", "internal_events", "event_handlers")}
    for child in element.children:
        tag = _tag(child)
        if tag.endswith("_external_event"):
            lists["external_events"].values.append(_attributes(path, child, tag.removesuffix("_external_event")))
        elif tag == "regular_event":
            event = _attributes(path, child, "regular")
            event.pairs = [("name" if key == "event" else key, word) for key, word in event.pairs]
            event.pairs += [("timing_requirements", _attributes(path, each, _tag(each))) for each in child.children]
            if len(child.children) > 1:
                raise InputError(
                    f"{path}:{child.children[1].line}: an event has several requirements: not carried over; leave one"
                )
            lists["internal_events"].values.append(event)
        else:
            lists["event_handlers"].values.append(_attributes(path, child, tag))
    value.pairs += list(lists.items())
