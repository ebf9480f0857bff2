"""A system as one knows it before time starts: as declared, without what was recorded and is to come."""

from __future__ import annotations

from dataclasses import replace

from rtsched.model.system import Estimates
from rtsched.model.task import TraceArrivals
from rtsched.model.taskgraph import SystemSpec, TaskSpec


def known_before(system: SystemSpec) -> SystemSpec:
    """The same without what was recorded, will fail or change, and without that by which estimates err.

    Recorded are arrivals, execution times, inputs and bandwidths; who plans with these knows the future. Declared jobs
    (a task with a ``release``) stay: they are the task set.
    """
    tasks = tuple(map(known_task, system.tasks))
    hardware = system.hardware
    if hardware is not None and (hardware.faults or hardware.environment or hardware.courses):
        hardware = replace(hardware, faults=(), environment=(), courses=dict.fromkeys(hardware.courses, ()))
    if hardware is not None and hardware.power is not None:
        battery = hardware.power.battery
        if battery is not None and battery.harvest:
            dark = battery.model_copy(update={"harvest": ()})
            hardware = replace(hardware, power=hardware.power.model_copy(update={"battery": dark}))
    same = hardware is system.hardware and all(map(lambda one, two: one is two, tasks, system.tasks))
    return (
        system
        if same and system.estimates == Estimates()
        else replace(system, tasks=tasks, hardware=hardware, estimates=Estimates())
    )


def known_task(task: TaskSpec) -> TaskSpec:
    """A task without the arrivals that were recorded, and of its recorded inputs with the means alone."""
    if isinstance(task.arrival, TraceArrivals):
        task = replace(task, arrival=TraceArrivals.model_construct(kind="trace", times=()))
    return task if task.inputs is None else replace(task, inputs=task.inputs.known())
