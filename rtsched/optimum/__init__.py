"""The best that anybody can do in a window: the window as plain data, programs that bound it, and the answer.

The room is called as a function, too: ``rtsched.optimum("drone_exits", until="100 ms")``.
"""

from __future__ import annotations

import sys
from types import ModuleType

from rtsched.optimum.result import EFFORT, Optimum, of_window, optimum

__all__ = ["EFFORT", "Optimum", "of_window", "optimum"]


class _Room(ModuleType):
    """Whoever imports a module of the room puts the room where ``rtsched.optimum`` is looked up."""

    __call__ = staticmethod(optimum)


sys.modules[__name__].__class__ = _Room
