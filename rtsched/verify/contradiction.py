"""Both sides of a contradiction, to be kept: the run that beats a proof as a system file, and the proof as data."""

from __future__ import annotations

from typing import Any

import numpy as np

from rtsched.errors import SoundnessError
from rtsched.export.tables import columns
from rtsched.model.config import to_yaml
from rtsched.schedulability.steps.steps import steps
from rtsched.verify import replay
from rtsched.verify.witness import TOLD, as_run, rerun
from rtsched.visible import message

#: What the document says it is: a change of meaning, or of a key that was there, changes it.
FORMAT = 2


def run_file(error: SoundnessError) -> str | None:
    """The system as it was analysed, with the phases and the times of the run; None where there was no run of a file.

    ``rtsched run`` shows the run again. Where it does not, a comment at the top says so, and why.
    """
    if error.trace is None or error.source is None:
        return None
    loaded, description = error.source
    text = to_yaml(as_run(loaded, description, error.trace, "contradiction", message(str(error))))
    again = rerun(text)
    if isinstance(again, str):
        note = f"run again from this file, it ends otherwise: {message(again)}"
    elif not all(np.array_equal(again.jobs[name], error.trace.jobs[name]) for name in TOLD):
        note = "run again from this file, some jobs fare otherwise"
    else:
        note = "rtsched run FILE shows the run, rtsched analyse FILE --steps the proof"
    return f"# {note}; the .json beside it holds both sides whole\n{text}"


def document(error: SoundnessError) -> dict[str, Any]:
    """What was claimed and how it was computed, of which system, and the run that beats it; times in ns."""
    trace, analysis = error.trace, error.analysis
    data: dict[str, Any] = {"format": FORMAT, "message": str(error), "claim": error.claim}
    if trace is not None:
        data |= {"system": replay.dump(trace.system), "scheduler": str(trace.scheduler), "seed": trace.seed}
        data |= {"until": trace.until, "trace": {table: columns(trace, table) for table in ("jobs", "slices")}}
    if analysis is not None:
        data["analysed"] = replay.dump(analysis.system)
        data["analysis"] = [{"part": part.view.name, **part.result.to_dict()} for part in analysis.parts]
        try:
            data["steps"] = [board.to_dict() for board in steps(analysis)]
        except Exception as other:  # what broke the proof may break its calculation, too
            data["steps_failed"] = f"{type(other).__name__}: {other}"
    return data
