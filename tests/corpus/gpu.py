"""Replay GPU vectors (``kind: gpu_vector``, see tests/data/gpu/README.md) on the block-level GPU."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from rtsched.engine.chip.components import Hardware
from rtsched.engine.event_loop import NEVER, RELEASE, Alarm, EventLoop
from rtsched.engine.gpu.blocks import Operation
from rtsched.engine.gpu.gpu import Gpu
from rtsched.model.accelerator import BlockLevel
from rtsched.units import parse_duration, parse_size

Rows = list[tuple[str, int, int, int]]


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def size(value: str | int) -> int:
    return parse_size(value) if isinstance(value, str) else value


def spec(vector: dict[str, Any]) -> BlockLevel:
    """The GPU of a vector. Limits on a single block do not matter there: they are set to those of the SM."""
    keys = dict(vector["gpu"])
    contexts = vector.get("contexts") or {}
    if keys.pop("mps", False):
        keys["mps"] = {name: value["percentage"] for name, value in contexts.items() if "percentage" in (value or {})}
    keys["max_threads"] = min(1024, keys["threads"])
    return BlockLevel.model_validate(keys)


def replay(vector: dict[str, Any], gpu_class: type[Gpu] = Gpu) -> Rows:
    """Rows (operation, start, end, blocks) of all waves and copies, sorted."""
    kernel, changed = EventLoop(), [False]
    hardware = Hardware(kernel, changed)
    found: Counter[tuple[str, int, int]] = Counter()

    def observe(operation: Operation, start: int, end: int, blocks: int) -> None:
        found[operation.name, start, end] += blocks

    gpu = gpu_class(spec(vector), kernel, hardware.touch, observe)
    hardware.parts.append(gpu)
    for name in vector.get("contexts") or {}:
        gpu.context(name)
    declared = vector.get("streams") or {}
    streams: dict[tuple[Any, str], Any] = {}
    for number, item in enumerate(vector["operations"]):
        name = item["stream"]
        about = declared.get(name) or {}
        context = item.get("context") or about.get("context") or next(iter(vector.get("contexts") or {}), None)
        key = (context, name)
        if key not in streams:
            streams[key] = gpu.stream(
                name,
                context,
                mask=about.get("mask", 0),
                nonblocking=about.get("nonblocking", False),
                null=name == "NULL",
            )
        time = parse_duration(item["time"])
        if "copy" in item:
            operation = Operation(item["name"], time, engine=0 if item["copy"] == "in" else gpu.spec.copy_engines - 1)
        else:
            threads = item["threads"]
            shared, registers = size(item.get("shared_memory", 0)), item.get("registers", 0) * threads
            operation = Operation(item["name"], time, item["blocks"], threads, shared, registers)

        fire = partial(gpu.launch, streams[key], operation, about.get("priority", 0))
        kernel.arm(Alarm(kernel, RELEASE + number, fire), parse_duration(item["at"]))
    kernel.drain(changed, lambda: None, NEVER)
    return sorted((name, start, end, blocks) for (name, start, end), blocks in found.items())


def expected(vector: dict[str, Any]) -> Rows:
    return sorted(
        (row["operation"], parse_duration(row["start"]), parse_duration(row["end"]), row.get("blocks", 0))
        for row in vector["expect"]
    )
