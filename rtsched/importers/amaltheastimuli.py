"""AMALTHEA's stimuli: when tasks are activated."""

from __future__ import annotations

from typing import Any

from rtsched.importers.amaltheafile import AmaltheaFile, duration
from rtsched.importers.xml import Element
from rtsched.model.document import cut

#: Those that another task's end or its call graph brings about.
WOKEN = ("InterProcessStimulus", "InterProcess", "EventStimulus")


def arrivals(file: AmaltheaFile, stimulus: Element) -> dict[str, Any]:
    """When a stimulus that waits for no other task activates, in the words of a task."""
    kind = stimulus.type
    if stimulus.find("executionCondition") is not None or stimulus.find("enablingModeValueList") is not None:
        file.warn(f"{cut(stimulus.get('name'))}: activates in some modes only there, always here")
    if kind in ("PeriodicStimulus", "Periodic"):
        return _periodic(file, stimulus)
    if kind in ("RelativePeriodicStimulus", "SporadicStimulus"):
        return _sporadic(file, stimulus)
    if kind in ("SingleStimulus", "Single"):
        once = stimulus.find("occurrence") or stimulus.find("activation")
        return {"release": duration(file.time(once))}
    if kind == "ArrivalCurveStimulus":
        return _curve(file, stimulus)
    file.fail(
        stimulus,
        f"stimulus {cut(stimulus.get('name'))!r} of type {cut(kind)!r}: not carried over; only periodic, relative "
        "periodic, single, arrival curve and inter-process stimuli are",
    )


def _periodic(file: AmaltheaFile, stimulus: Element) -> dict[str, Any]:
    name = cut(stimulus.get("name"))
    if stimulus.get("clock"):
        file.fail(stimulus, f"stimulus {name!r} follows a clock: not carried over; give it a recurrence of its own")
    period = file.time(stimulus.find("recurrence"))
    if not period:
        file.fail(stimulus, f"stimulus {name!r} has no recurrence; give it one")
    offset = file.time(stimulus.find("offset"))
    found: dict[str, Any] = {"period": duration(period)}
    jitter = stimulus.find("jitter") or stimulus.find("stimulusDeviation")
    if jitter is not None:
        least, most = _bounds(file, jitter)
        offset += least
        if most > least:
            found["jitter"] = duration(most - least)
            file.warn(
                f"{name}: jitters by up to {duration(most - least)}; its deadlines count from before the jitter here, "
                "from the activation there"
            )
        if stimulus.find("minDistance") is not None:
            file.warn(f"{name}: its minDistance is not carried over: activations may come closer here")
    if offset:
        found["offset"] = duration(offset)
    return found


def _sporadic(file: AmaltheaFile, stimulus: Element) -> dict[str, Any]:
    gap = stimulus.find("nextOccurrence") or stimulus.find("stimulusDeviation")
    name = cut(stimulus.get("name"))
    if gap is None:
        file.fail(stimulus, f"stimulus {name!r} has no nextOccurrence; give it one")
    least, most = _bounds(file, gap)
    if not least:
        file.fail(stimulus, f"stimulus {name!r} may activate again at once; give nextOccurrence a lowerBound above 0")
    file.warn(f"{name}: activates at least {duration(least)} apart; gaps beyond that are drawn exponentially here")
    return {
        "period": duration(least),
        "arrival": {"kind": "sporadic", "mean_extra": duration((most - least) // 2)},
        **({"offset": duration(file.time(stimulus.find("offset")))} if file.time(stimulus.find("offset")) else {}),
    }


def _curve(file: AmaltheaFile, stimulus: Element) -> dict[str, Any]:
    for entry in stimulus.all("entries"):
        if file.whole(entry, "numberOfOccurrences") == 2 and file.time(entry.find("lowerTimeBorder")):
            file.warn(
                f"{cut(stimulus.get('name'))}: of its arrival curve the least distance of two activations is taken"
            )
            return {"period": duration(file.time(entry.find("lowerTimeBorder"))), "arrival": {"kind": "sporadic"}}
    file.fail(
        stimulus,
        f"stimulus {cut(stimulus.get('name'))!r}: its curve has no lowerTimeBorder of 2 occurrences; give it one",
    )


def _bounds(file: AmaltheaFile, time: Element) -> tuple[int, int]:
    """The least and the most of a time that may be drawn."""
    if time.get("value"):
        constant = file.time(time)
        return constant, constant
    upper, lower = time.find("upperBound"), time.find("lowerBound")
    if upper is None:
        file.fail(time, f"{time.tag}: has no upper bound; give it one")
    least, most = file.time(lower), file.time(upper)
    if least > most:
        file.fail(time, f"{time.tag}: the lower bound lies above the upper one; exchange them")
    return least, most
