"""XML as a tree of elements with their lines, read within bounds: no document types, no endless nesting."""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from rtsched.errors import InputError
from rtsched.importers.common import MOST_DEPTH, MOST_ITEMS
from rtsched.model.document import cut


class Element:
    """An XML element and the line it begins in."""

    __slots__ = ("attributes", "children", "line", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.line = line
        self.children: list[Element] = []
        self.text = ""

    def get(self, name: str, default: str = "") -> str:
        """An attribute without the blanks around it; the default also if it is empty."""
        return self.attributes.get(name, "").strip() or default

    def all(self, *tags: str) -> list[Element]:
        """The children of some tags."""
        return [child for child in self.children if child.tag in tags]

    def find(self, tag: str) -> Element | None:
        """The first child of a tag."""
        return next(iter(self.all(tag)), None)

    @property
    def type(self) -> str:
        """Its ``xsi:type`` without the prefix."""
        return self.get("xsi:type").rpartition(":")[2]


#: Elements whose text is kept; nothing else that is read here has any.
_MOST_TEXT: Final = 100_000


def parse(path: str, text: str, tool: str, most: int = MOST_ITEMS) -> Element:
    """The tree of a text in the format of `tool`.

    Document types are refused, for their entities can grow without bound. At most `most` elements. Raises InputError
    with the line.
    """
    parser = expat.ParserCreate()
    top = Element("", {}, 0)
    inside = [top]
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        line = parser.CurrentLineNumber
        if count > most:
            raise InputError(f"{path}:{line}: has more than {most} elements; split it")
        if len(inside) > MOST_DEPTH:
            raise InputError(f"{path}:{line}: is nested deeper than {MOST_DEPTH} elements; this is no {tool} file")
        element = Element(tag, attributes, line)
        inside[-1].children.append(element)
        inside.append(element)

    def end(tag: str) -> None:
        inside.pop()

    def characters(data: str) -> None:
        here = inside[-1]
        if data.strip() or here.text:
            if len(here.text) > _MOST_TEXT:
                raise InputError(
                    f"{path}:{parser.CurrentLineNumber}: <{cut(here.tag)}> holds too much text; this is no {tool} file"
                )
            here.text += data

    def refuse(*declaration: object) -> None:
        line = parser.CurrentLineNumber
        raise InputError(f"{path}:{line}: has a document type or entity; remove it, {tool} files need none")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InputError(f"{path}:{error.lineno}:{error.offset + 1}: is not XML: {reason}; check the file") from None
    return top.children[0]
