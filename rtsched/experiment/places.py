"""Where in its file a study says what turns out to be wrong; a study made in Python has no such places."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rtsched.errors import InputError
from rtsched.experiment.study import Labelled

if TYPE_CHECKING:
    from rtsched.experiment.study import Point, Study
    from rtsched.model.document import Document, Location


class Places:
    """The places of a study's keys, but for those that were set anew outside of its file."""

    def __init__(self, document: Document | None = None, changed: Collection[str] = ()) -> None:
        self.document = document
        self.changed = changed

    @contextmanager
    def at(self, *loc: str | int) -> Iterator[None]:
        """An InputError within begins with the place of this key."""
        try:
            yield
        except InputError as error:
            raise self._placed(error, loc) from None

    @contextmanager
    def at_point(self, study: Study, point: Point) -> Iterator[None]:
        """An InputError within begins with the place of the value that it is about, as far as one can tell."""
        try:
            yield
        except InputError as error:
            raise self._placed(error, _blamed(study, point, str(error))) from None

    def _placed(self, error: InputError, loc: Location) -> InputError:
        if self.document is None or loc[0] in self.changed:
            return error
        return InputError(*(f"{self.document.where(loc)}: {text}" for text in error.problems))


def _blamed(study: Study, point: Point, text: str) -> Location:
    """The value of the point whose key the text names, if there is one; else what its systems are made of."""
    told = text.removeprefix(str(point))
    for (name, value), shown in zip(point.values, point.shown, strict=True):
        if name.rpartition(".")[2] in told:
            values = study.axes[name]
            if not isinstance(values, tuple):
                return ("axes", name)
            return ("axes", name, shown if isinstance(values[0], Labelled) else values.index(value))
    source = "generate" if study.generate is not None else "system"
    keys = [key for key in study.generate or () if f": {key}" in told]
    return (source, *keys[:1])
