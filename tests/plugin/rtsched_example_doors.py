"""What else a stranger's package may bring: a metric, a theorem, an exporter, an importer and a section of reports."""

import rtsched
from rtsched.importers import build
from rtsched.report.blocks import Facts, Text
from rtsched.schedulability.models import Uniprocessor
from rtsched.schedulability.result import Result, unknown


@rtsched.metric(unit="ns", better="lower", title="slowest response")
def slowest(figures, trace):
    """The longest response time of any job that finished."""
    return max((task.response.max for task in figures.tasks if task.response.max is not None), default=None)


@rtsched.metric(unit="", better="lower", needs_trace=True)
def slices(figures, trace):
    """How many slices each task ran in."""
    owners = trace.jobs["task"][trace.slices["job"]].tolist()
    return {task.name: owners.count(task.index) for task in trace.system.tasks}


@rtsched.metric(unit="", better="lower")
def broken(figures, trace):
    """Nothing: it fails."""
    return 1 / 0


@rtsched.metric(unit="", better="lower")
def wordy(figures, trace):
    """A text, which is no number."""
    return "many"


def no_metric(figures, trace):
    """Nobody said what it measures."""
    return 1.0


@rtsched.theorem(
    "example-half",
    title="Half load is little",
    strength="sufficient",
    citation="Example, Journal of Examples 1(1), 2024",
    model=Uniprocessor,
)
def half(model):
    """Any task set that asks for at most half of the processor is schedulable (a toy, for D >= T only)."""
    load = sum(task.C / task.T for task in model.tasks)
    return Result("schedulable") if load <= 0.5 else unknown(f"it asks for {load:.2f} of the processor")


@rtsched.exporter(".starts")
def starts(trace):
    """When jobs began, one instant in ns a line."""
    return "".join(f"{start}\n" for start in trace.jobs["start"])


@rtsched.importer(".tasks")
def read_tasks(path, text):
    """Lines of name, execution time and period in ms."""
    rows = [line.split() for line in text.splitlines()]
    tasks = [{"name": name, "wcet": f"{wcet} ms", "period": f"{period} ms"} for name, wcet, period in rows]
    return build(path, {"platform": "uniprocessor", "tasks": tasks}, ["deadlines are the periods"])


@rtsched.section("House rules")
def rules(report):
    """What our house asks of every system."""
    return Text("load below 80 %.", strong="Rule 1:"), Facts((("System", report.name),))
