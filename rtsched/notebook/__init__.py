"""How things show themselves in a notebook: tables in readable units, and a run as its page.

Whatever a name holds, it is text: it is escaped, and what cannot be seen in it is written out.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["html"]

#: Which module here shows what, by the name of its class; each has a function for it, called as the class in small.
HOMES = {
    "Alternatives": "answers",
    "Comparison": "answers",
    "Conformance": "answers",
    "Difference": "jobs",
    "Explanation": "jobs",
    "Loaded": "systems",
    "Optimum": "answers",
    "Platform": "systems",
    "Results": "answers",
    "Summary": "runs",
    "System": "systems",
    "SystemSpec": "systems",
    "Trace": "runs",
    "Verification": "answers",
    "WhatIf": "jobs",
}


def html(thing: Any) -> str:
    """A thing of `HOMES` (or of a class derived from one) as HTML for a notebook."""
    name = next(each.__name__ for each in type(thing).__mro__ if each.__name__ in HOMES)
    made: str = getattr(import_module(f"rtsched.notebook.{HOMES[name]}"), name.lower())(thing)
    return made
