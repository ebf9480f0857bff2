"""The house plan: imports run one way, and the public names are the ones announced."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import rtsched

ROOT = Path(rtsched.__file__).parent

#: Each room and the rooms it may import (beside itself). The engine knows schedulers.base as a protocol only.
ALLOWED = {
    "units": set(),
    "visible": set(),
    "columns": {"visible"},
    "display": set(),
    "build": set(),
    "errors": {"visible"},
    "files": {"errors"},
    "pytest_plugin": {"conformance"},
    "model": {"display", "units", "errors", "visible"},
    "dnn": {"model", "units", "errors", "visible"},
    "trace": {"visible", "display", "columns", "model", "units", "errors"},
    "engine": {"trace", "model", "units", "errors", "visible"},
    "schedulers": {"engine", "trace", "model", "units", "errors"},
    "forecast": {"model"},
    "metrics": {"display", "trace", "model", "registry", "units", "errors", "visible"},
    "export": {"columns", "metrics", "registry", "trace", "model", "files", "units", "errors", "visible"},
    "plot": {"export", "metrics", "trace", "model", "files", "units", "errors", "visible"},
    "page": {"plot", "export", "metrics", "trace", "model", "files", "units", "errors", "visible"},
    "importers": {"model", "registry", "units", "errors"},
    "samples": {"columns", "files", "model", "plot", "units", "errors", "visible"},
    "schedulability": {"dnn", "model", "registry", "units", "errors", "visible"},
    "registry": {"errors", "visible"},
    "loading": {"display", "dnn", "model", "errors", "visible"},
    "generate": {"loading", "dnn", "model", "units", "errors", "visible"},
    "description": {"model", "registry", "errors", "visible"},
    "api": {"loading", "description", "visible", "dnn", "engine", "schedulers", "metrics", "trace", "model", "registry", "errors", "units"},
    "verify": {
        "dnn", "display", "columns", "api", "registry", "schedulability", "metrics", "trace", "engine", "schedulers", "export", "model", "units", "errors", "files",
        "visible",
    },
    "alternatives": {"display", "columns", "verify", "api", "dnn", "model", "units", "errors", "visible"},
    "conformance": {
        "display", "columns", "verify", "api", "loading", "plot", "export", "experiment.limit", "experiment.pool", "schedulers", "engine", "trace", "model",
        "registry", "files", "units", "errors", "visible",
    },
    "report": {
        "verify", "schedulability", "plot", "export", "api", "loading", "registry", "trace", "engine", "model", "files", "units",
        "errors", "visible",
    },
    "optimum": {"visible", "display", "api", "metrics", "schedulability", "dnn", "schedulers", "engine", "trace", "model", "units", "errors"},
    "experiment": {"display", "optimum", "generate", "verify", "schedulability", "schedulers", "units", "api", "plot", "export", "files", "metrics", "trace", "engine", "model", "errors", "registry", "visible"},
    "whatif": {"visible", "display", "columns", "api", "loading", "schedulers", "trace", "model", "units", "errors"},
    "show": {"columns", "api", "dnn", "metrics", "schedulability", "model", "registry", "units", "errors", "visible"},
    "notebook": {
        "alternatives", "conformance", "display", "experiment", "loading", "metrics", "model", "optimum", "page", "trace", "units", "verify", "visible",
        "whatif",
    },
    "terminal": {"columns", "errors", "page", "trace", "units", "visible"},
    "cli": {
        "terminal", "alternatives", "columns", "dnn", "verify", "conformance", "report", "schedulability", "optimum", "experiment", "generate", "whatif", "api", "metrics", "trace", "export", "plot", "page",
        "importers", "show", "registry", "model", "files", "units", "errors", "forecast", "visible", "build", "samples",
    },
}  # fmt: skip

#: Inside a room, which of its own rooms each of them never imports.
APART = {
    "engine.gpu": {"engine.chip"},
    "schedulers.orderings": {
        "schedulers.placements", "schedulers.adaptations", "schedulers.admissions", "schedulers.speeds",
        "schedulers.systems",
    },
    "schedulers.placements": {
        "schedulers.adaptations", "schedulers.admissions", "schedulers.speeds", "schedulers.systems"
    },
    "schedulers.adaptations": {
        "schedulers.orderings", "schedulers.admissions", "schedulers.speeds", "schedulers.systems"
    },
    "schedulers.admissions": {
        "schedulers.orderings", "schedulers.placements", "schedulers.speeds", "schedulers.systems"
    },
    "schedulers.speeds": {
        "schedulers.orderings", "schedulers.placements", "schedulers.adaptations", "schedulers.admissions",
        "schedulers.systems",
    },
    "schedulability.theorems": {"schedulability.lowering", "schedulability.search"},
    "schedulability.lowering": {"schedulability.search"},
}  # fmt: skip


def room(module: str) -> str:
    """The room of ``rtsched.engine.job`` is ``engine``."""
    return module.removeprefix("rtsched").strip(".").split(".")[0]


@cache
def runtime_imports(path: Path) -> list[str]:
    """The rtsched modules a file imports when it runs (not for type checking only)."""
    tree = ast.parse(path.read_text())
    checked = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    skipped = {id(inner) for node in checked for inner in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rtsched"):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("rtsched")]
    return [module for module in found if room(module) != "__version__"]


def test_imports_run_one_way() -> None:
    climbs = []
    for path in sorted(ROOT.rglob("*.py")):
        here = path.relative_to(ROOT).with_suffix("").parts[0]
        if here == "__init__":
            continue
        for module in runtime_imports(path):
            there = room(module)
            inner = ".".join(module.split(".")[1:3])
            if there != here and there not in ALLOWED[here] and inner not in ALLOWED[here]:
                climbs.append(f"{path.relative_to(ROOT)} imports {module}")
    assert climbs == []


def test_rooms_inside_a_room_are_apart() -> None:
    climbs = []
    for path in sorted(ROOT.rglob("*.py")):
        here = ".".join(path.relative_to(ROOT).parts[:2])
        for module in runtime_imports(path):
            if ".".join(module.split(".")[1:3]) in APART.get(here, ()):
                climbs.append(f"{path.relative_to(ROOT)} imports {module}")
    assert climbs == []
    assert all((ROOT / room.replace(".", "/")).is_dir() for room in APART)


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.relative_to(ROOT).with_suffix("").parts[0] for path in ROOT.rglob("*.py")} - {"__init__"}
    assert rooms == set(ALLOWED)


def test_public_names() -> None:
    assert rtsched.__all__ == sorted(
        rtsched.__all__, key=lambda name: (name.upper() != name, name.lower() == name, name)
    )
    for name in rtsched.__all__:
        assert getattr(rtsched, name).__doc__ or name in ("REGISTRY", "__version__")
    assert set(rtsched.__all__) == {
        "Adaptation", "Admission", "ComposedScheduler", "FixedPriority", "HorizonError", "InputError", "Job", "Loaded",
        "Ordering", "Placement", "Platform", "Processor", "REGISTRY", "RtschedError", "Scheduler", "SchedulerError",
        "Segment", "Soc", "SoundnessError", "Speed", "Summary", "System", "Task", "Trace", "Verification", "__version__",
        "alternatives", "analyse", "check_scheduler", "compare", "evaluate", "exporter", "generate", "importer", "is_compiled", "load", "metric", "optimum", "scheduler", "section", "simulate",
        "summary", "sweep", "theorem", "to_frame", "write",
    }  # fmt: skip


HEAVY = {"numpy", "scipy", "simpy", "pydantic", "matplotlib", "networkx", "onnx"}


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("import rtsched", set()),
        ("from rtsched.cli import cli; cli(['--help'], standalone_mode=False)", set()),
        ("import rtsched; rtsched.summary(rtsched.simulate('graham'))", {"numpy", "simpy", "pydantic"}),
        ("import rtsched.experiment.compare", {"numpy", "simpy", "pydantic"}),
        ("import rtsched; rtsched.generate(tasks=3)", {"numpy", "pydantic"}),
        ("import rtsched; rtsched.metric, rtsched.REGISTRY, rtsched.exporter, rtsched.section", set()),
    ],
)
def test_heavy_packages_are_imported_where_they_are_used(line: str, allowed: set[str]) -> None:
    code = f"import sys; {line}; print(*sorted({HEAVY} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(answer.stdout.split("\n")[-2].split()) <= allowed
