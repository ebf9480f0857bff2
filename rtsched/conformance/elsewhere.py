"""The same runs in another process, whose hashes of names are others: ``python -m rtsched.conformance.elsewhere``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from rtsched import api
from rtsched.conformance.candidate import Candidate, candidate
from rtsched.conformance.drawing import drawn
from rtsched.conformance.trial import Trial, trial_of
from rtsched.loading import Source

#: Seconds after which it is given up.
PATIENCE = 600.0


def digests(who: Candidate, seed: int, numbers: list[int], system: Source | None) -> dict[int, str] | str:
    """The digests of the runs of these systems, by number; or why there are none."""
    if who.description is None:
        return "asked in this process alone: another cannot import the policy"
    if not isinstance(system, str | None):
        return "asked in this process alone: the system has no name"
    asked = {"policy": who.description, "seed": seed, "numbers": numbers, "system": system, "path": sys.path}
    other = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rtsched.conformance.elsewhere"],
            input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=PATIENCE,
            env={**os.environ, "PYTHONHASHSEED": other, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        found = json.loads(done.stdout.rpartition("\n")[2])
    except (subprocess.TimeoutExpired, OSError, ValueError):
        return "asked in this process alone: another cannot make the policy, or does not answer"
    return {int(number): digest for number, digest in found.items()}


def answer(asked: dict[str, Any]) -> dict[int, str]:
    """What happens in each of the systems."""
    sys.path[:] = asked["path"]
    who = candidate(asked["policy"])
    if asked["system"] is not None:
        return {0: Trial(who, api.load(asked["system"]), asked["seed"]).plain.digest}
    policy, found = who.make(), {}
    for number in asked["numbers"]:
        document, own = drawn(asked["seed"], number, policy)
        found[number] = trial_of(who, document, own).plain.digest
    return found


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(answer(json.loads(sys.stdin.read()))))
