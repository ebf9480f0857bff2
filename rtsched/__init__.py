"""Real-time multi-DNN scheduling on heterogeneous chips: simulate it, prove it, show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtsched.api import Loaded, load, scheduler, simulate, summary
    from rtsched.errors import HorizonError, InputError, RtschedError, SchedulerError, SoundnessError
    from rtsched.experiment.compare import compare
    from rtsched.model.platform import Platform
    from rtsched.model.system import System
    from rtsched.model.task import Task
    from rtsched.registry import REGISTRY
    from rtsched.schedulers.base import Scheduler
    from rtsched.schedulers.composed import ComposedScheduler
    from rtsched.verify.verification import Verification, analyse

__version__ = "0.1.0"

_HOME = {
    "ComposedScheduler": "rtsched.schedulers.composed",
    "HorizonError": "rtsched.errors",
    "InputError": "rtsched.errors",
    "Loaded": "rtsched.api",
    "Platform": "rtsched.model.platform",
    "REGISTRY": "rtsched.registry",
    "RtschedError": "rtsched.errors",
    "Scheduler": "rtsched.schedulers.base",
    "SchedulerError": "rtsched.errors",
    "SoundnessError": "rtsched.errors",
    "System": "rtsched.model.system",
    "Task": "rtsched.model.task",
    "Verification": "rtsched.verify.verification",
    "analyse": "rtsched.verify.verification",
    "compare": "rtsched.experiment.compare",
    "load": "rtsched.api",
    "scheduler": "rtsched.api",
    "simulate": "rtsched.api",
    "summary": "rtsched.api",
}

__all__ = [
    "REGISTRY",
    "ComposedScheduler",
    "HorizonError",
    "InputError",
    "Loaded",
    "Platform",
    "RtschedError",
    "Scheduler",
    "SchedulerError",
    "SoundnessError",
    "System",
    "Task",
    "Verification",
    "__version__",
    "analyse",
    "compare",
    "load",
    "scheduler",
    "simulate",
    "summary",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that ``import rtsched`` and ``rtsched --help`` stay quick."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rtsched' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
