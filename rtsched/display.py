"""What shows itself in a notebook, and shortly at a prompt.

How it looks is written in the room `notebook`, which knows all others; so it is asked for by name, and when somebody
looks.
"""

from __future__ import annotations

from importlib import import_module


class Displayed:
    """A thing that shows itself in Jupyter, as `rtsched.notebook` has it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        made: str = import_module("rtsched.notebook").html(self)
        return made
