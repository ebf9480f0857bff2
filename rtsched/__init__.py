"""Real-time multi-DNN scheduling on heterogeneous chips: simulate it, prove it, show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtsched.alternatives import alternatives
    from rtsched.api import Loaded, load, scheduler, simulate, summary
    from rtsched.build import is_compiled
    from rtsched.conformance.judge import check_scheduler
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor
    from rtsched.engine.soc import Soc
    from rtsched.errors import HorizonError, InputError, RtschedError, SchedulerError, SoundnessError
    from rtsched.experiment.compare import compare
    from rtsched.experiment.frames import to_frame
    from rtsched.experiment.sweep import sweep
    from rtsched.export.exporter import exporter, write
    from rtsched.generate.sets import generate
    from rtsched.importers.importer import importer
    from rtsched.metrics.figures import Summary
    from rtsched.metrics.metric import evaluate, metric
    from rtsched.model.platform import Platform
    from rtsched.model.system import System
    from rtsched.model.task import Task
    from rtsched.optimum.result import optimum
    from rtsched.registry import REGISTRY
    from rtsched.report.section import section
    from rtsched.schedulability.theorem import theorem
    from rtsched.schedulers.adaptations.base import Adaptation
    from rtsched.schedulers.admissions.base import Admission
    from rtsched.schedulers.base import Scheduler
    from rtsched.schedulers.composed import ComposedScheduler
    from rtsched.schedulers.orderings.base import Ordering
    from rtsched.schedulers.orderings.fixed_priority import FixedPriority
    from rtsched.schedulers.placements.base import Placement
    from rtsched.schedulers.speeds.base import Speed
    from rtsched.trace.trace import Trace
    from rtsched.verify.verification import Verification, analyse

__version__ = "0.1.0"

_HOME = {
    "Adaptation": "rtsched.schedulers.adaptations.base",
    "Admission": "rtsched.schedulers.admissions.base",
    "ComposedScheduler": "rtsched.schedulers.composed",
    "FixedPriority": "rtsched.schedulers.orderings.fixed_priority",
    "HorizonError": "rtsched.errors",
    "InputError": "rtsched.errors",
    "Job": "rtsched.engine.job",
    "Loaded": "rtsched.api",
    "Ordering": "rtsched.schedulers.orderings.base",
    "Placement": "rtsched.schedulers.placements.base",
    "Platform": "rtsched.model.platform",
    "Processor": "rtsched.engine.processor",
    "REGISTRY": "rtsched.registry",
    "RtschedError": "rtsched.errors",
    "Scheduler": "rtsched.schedulers.base",
    "SchedulerError": "rtsched.errors",
    "Segment": "rtsched.engine.job",
    "Soc": "rtsched.engine.soc",
    "SoundnessError": "rtsched.errors",
    "Speed": "rtsched.schedulers.speeds.base",
    "Summary": "rtsched.metrics.figures",
    "System": "rtsched.model.system",
    "Task": "rtsched.model.task",
    "Trace": "rtsched.trace.trace",
    "Verification": "rtsched.verify.verification",
    "alternatives": "rtsched.alternatives",
    "analyse": "rtsched.verify.verification",
    "check_scheduler": "rtsched.conformance.judge",
    "compare": "rtsched.experiment.compare",
    "evaluate": "rtsched.metrics.metric",
    "exporter": "rtsched.export.exporter",
    "generate": "rtsched.generate",
    "importer": "rtsched.importers.importer",
    "is_compiled": "rtsched.build",
    "load": "rtsched.api",
    "metric": "rtsched.metrics.metric",
    "optimum": "rtsched.optimum",
    "scheduler": "rtsched.api",
    "section": "rtsched.report.section",
    "simulate": "rtsched.api",
    "summary": "rtsched.api",
    "sweep": "rtsched.experiment.sweep",
    "theorem": "rtsched.schedulability.theorem",
    "to_frame": "rtsched.experiment.frames",
    "write": "rtsched.export.exporter",
}

__all__ = [
    "REGISTRY",
    "Adaptation",
    "Admission",
    "ComposedScheduler",
    "FixedPriority",
    "HorizonError",
    "InputError",
    "Job",
    "Loaded",
    "Ordering",
    "Placement",
    "Platform",
    "Processor",
    "RtschedError",
    "Scheduler",
    "SchedulerError",
    "Segment",
    "Soc",
    "SoundnessError",
    "Speed",
    "Summary",
    "System",
    "Task",
    "Trace",
    "Verification",
    "__version__",
    "alternatives",
    "analyse",
    "check_scheduler",
    "compare",
    "evaluate",
    "exporter",
    "generate",
    "importer",
    "is_compiled",
    "load",
    "metric",
    "optimum",
    "scheduler",
    "section",
    "simulate",
    "summary",
    "sweep",
    "theorem",
    "to_frame",
    "write",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that ``import rtsched`` and ``rtsched --help`` stay quick."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rtsched' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
