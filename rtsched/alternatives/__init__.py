"""What if it ran elsewhere: a system on other boards, in other power modes, under other policies, each analysed.

The room is called as a function, too: ``rtsched.alternatives("adas_agx_orin", schedulers=["edf", "dm"])``.
"""

from __future__ import annotations

import sys
from types import ModuleType

from rtsched.alternatives.answer import Alternative, Alternatives
from rtsched.alternatives.search import alternatives

__all__ = ["Alternative", "Alternatives", "alternatives"]


class _Room(ModuleType):
    """Whoever imports a module of the room puts the room where ``rtsched.alternatives`` is looked up."""

    __call__ = staticmethod(alternatives)


sys.modules[__name__].__class__ = _Room
