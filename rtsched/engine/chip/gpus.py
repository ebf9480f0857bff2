"""The GPUs of a chip that are served block by block: which there are, what they log, and how urgent a launch is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtsched.engine.chip.unit import Unit
from rtsched.engine.chip.variable_speed import StreamProcessor
from rtsched.engine.gpu.blocks import Operation
from rtsched.engine.gpu.fluid import FluidGpu
from rtsched.engine.gpu.gpu import Gpu
from rtsched.engine.job import Segment

if TYPE_CHECKING:
    from rtsched.engine.chip.chip import Chip


class Gpus:
    """All of them, made with their first streams."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.core = chip.core
        self.all: list[Gpu] = []
        self.levels: dict[tuple[int, int], int] = {}
        self._chance: np.random.Generator | None = None

    def of(self, unit: Unit, place: int) -> Gpu:
        """The GPU of a unit, whose first stream is processor `place`."""
        about = unit.spec.block_level
        assert about is not None
        if unit.gpu is None:
            device = FluidGpu if about.mode == "fluid" else Gpu
            unit.gpu = device(about, self.chip.loop, self.chip.touch, self.log_wave, self.pick, place, self.log_wait)
            self.all.append(unit.gpu)
        return unit.gpu

    def log_wave(self, operation: Operation, start: int, end: int, blocks: int) -> None:
        """Log blocks that ran together."""
        waves = self.core.record.waves
        if waves is not None:
            segment, place, number = operation.name
            waves.buffer += (start, end, segment.job.number, segment.node.index, place, number, blocks)
            if len(waves.buffer) >= waves.limit:
                waves.pack()

    def log_wait(self, operation: Operation, start: int, end: int) -> None:
        """Count, and log, that a segment was on a stream while nothing of it ran."""
        segment, place, _ = operation.name
        self.core.processors[place].waited += end - start
        waits = self.core.record.waits
        if waits is not None:
            waits.buffer += (start, end, segment.job.number, segment.node.index, place)
            if len(waits.buffer) >= waits.limit:
                waits.pack()

    def pick(self, count: int) -> int:
        """Which of the streams that wait for a channel is next, where that is left to chance."""
        if self._chance is None:
            self._chance = self.chip.core.world.generator("channels")
        return int(self._chance.integers(count))

    def number(self, processor: StreamProcessor) -> int:
        """Which stream of its GPU a processor is."""
        assert processor.unit is not None
        return processor.unit.spec.processors.index(processor.index)

    def priority(self, processor: StreamProcessor, segment: Segment) -> int:
        """The priority of a launch: as the policy said at the start, or by the rule of the GPU."""
        said, processor.priority = processor.priority, None
        gpu = processor.gpu.spec
        if said is not None:
            return said
        if gpu.assign == "policy" or gpu.priorities == 1:
            return 0
        task = segment.job.task
        key = (processor.unit.spec.index if processor.unit is not None else 0, task.index)
        if key not in self.levels:
            self._rank_tasks(processor, key[0])
        return self.levels[key]

    def _rank_tasks(self, processor: StreamProcessor, unit: int) -> None:
        """Spread the tasks that can use the GPU over its levels, the most urgent to the highest."""
        gpu = processor.gpu.spec
        lanes = self.chip.units[unit].spec.processors
        users = [
            task
            for task in self.core.tasks
            if any(node.times[lane] is not None for node in task.nodes for lane in lanes)
        ]
        rank = {"hard": 0, "firm": 1, "soft": 2}
        keys = {
            task.index: rank[task.criticality]
            if gpu.assign == "criticality"
            else task.priority
            if gpu.assign == "priority"
            else task.deadline
            for task in users
        }
        order = sorted(set(keys.values()))
        for task in users:
            position = order.index(keys[task.index])
            self.levels[unit, task.index] = -(gpu.priorities - 1 - min(position, gpu.priorities - 1))
