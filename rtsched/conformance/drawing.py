"""Random systems for a policy: those of the fuzzer, without their own scheduler."""

from __future__ import annotations

from typing import Any

import yaml

from rtsched.schedulers.base import Scheduler
from rtsched.verify import fuzz, replay
from rtsched.verify.pencil import Document


def drawn(seed: int, number: int, policy: Scheduler) -> tuple[Document, int]:
    """System number so of a seed, as a document, and the seed of its trial; with clocks for a policy that sets them."""
    case = fuzz.case(seed, number)
    document: Any = case.document
    if document is None:
        document = yaml.safe_load(replay.to_yaml(case.system, case.scheduler))
    found = {key: value for key, value in document.items() if key != "scheduler"}
    if "speed" in policy.guests:
        found |= {"power": {"governor": "userspace"}, "platform": _clocked(found["platform"])}
    return found, case.seed % 2**32


def _clocked(platform: Document) -> Document:
    """The platform with two operating points where a cluster has none."""
    points = [{"frequency": "500 MHz"}, {"frequency": "1 GHz"}]
    clusters = platform["processors"].items()
    return {**platform, "processors": {name: {"operating_points": points, **each} for name, each in clusters}}
