"""Random systems: what is asked for in `parameters`, drawn by `sets`, one small module for each family of laws.

The room is called as a function, too: ``rtsched.generate(tasks=10, utilisation=0.7, count=100)``.
"""

from __future__ import annotations

import sys
from types import ModuleType

from rtsched.generate.parameters import Generate
from rtsched.generate.sets import draw, generate, key, text

__all__ = ["Generate", "draw", "generate", "key", "text"]


class _Room(ModuleType):
    """Whoever imports a module of the room puts the room where ``rtsched.generate`` is looked up."""

    __call__ = staticmethod(generate)


sys.modules[__name__].__class__ = _Room
