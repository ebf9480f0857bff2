"""What a segment really needs still: for oracles alone."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from rtsched.engine.execution_time import InputTimes
from rtsched.engine.execution_time import demand as scaled
from rtsched.engine.job import BATCHED, DEAD, DONE, DRAINING, RUNNING, SPLIT, STATES, Segment
from rtsched.errors import SchedulerError

if TYPE_CHECKING:
    from rtsched.engine.core import Core


def really(core: Core, segment: Segment) -> int:
    """The time in ns that a segment really needs still, where it last ran, or at its fastest; 0 when it is done."""
    said = f"really of {segment!r}"
    if not core.scheduler.oracle:
        raise SchedulerError(
            f"{said}: what it takes is the truth, which only an oracle sees; ask soc.remaining what is believed, or "
            "write 'oracle: true' beside the scheduler"
        )
    if segment.state in (DONE, DEAD):
        return 0
    if segment.state in (BATCHED, SPLIT):
        raise SchedulerError(f"{said}: it is {STATES[segment.state]}; ask of what runs alone, and whole")
    if segment.processor is None:
        return _in_all(core, segment, said)
    left = segment.remaining
    if segment.state in (RUNNING, DRAINING):
        left -= segment.processor.progress(core.loop._now)
    return max(0, ceil(left))


def _in_all(core: Core, segment: Segment, said: str) -> int:
    """What a segment that has not begun takes where it is planned to be fastest."""
    times, factor = segment.node.times, segment.job.factor
    _, place = min((time, place) for place in segment.node.eligible if (time := times[place]) is not None)
    if isinstance(factor, InputTimes):
        return factor(segment, core.processors[place], core.loop._now)
    if callable(factor):
        raise SchedulerError(f"{said}: in a replay nobody knows before it ends; run the system itself")
    return segment.node.fastest if factor is None else scaled(factor, segment.node.fastest)
