"""What must hold of memories for weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rtsched.trace.trace import EVICT, LOAD, LOADED, Trace
from rtsched.units import S


def weights(trace: Trace) -> Iterator[str]:
    """No memory for weights holds more than it can; what is loaded ahead of time comes no faster than its bandwidth."""
    spec = trace.system.hardware
    for unit in () if spec is None else spec.units:
        about = unit.description.weights
        if about is None:
            continue
        name = trace.system.processors[unit.processors[0]].name
        held = last = 0
        rows = trace.changes[trace.changes["subject"] == unit.processors[0]]
        for row in rows[np.isin(rows["what"], (LOAD, EVICT, LOADED))]:
            time, what, size = int(row["time"]), int(row["what"]), int(row["value"])
            held += size * ((what == LOAD) - (what == EVICT))
            if what == LOAD and held > about.capacity:
                yield f"the memory of {name!r} holds {held} bytes of weights at {time}, of {about.capacity}"
            if what == EVICT and held < 0:
                yield f"the memory of {name!r} loses weights at {time} that it does not hold"
            if what == LOADED:
                if (time - last) * about.bandwidth < size * S:
                    yield f"the memory of {name!r} takes {size} bytes of weights from {last} to {time}: too fast"
                last = time
