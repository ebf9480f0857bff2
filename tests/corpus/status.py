"""Which theorem passed how many corpus records: ``python -m tests.corpus.status`` prints what reports quote."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtsched.schedulability.result import Result
from rtsched.schedulability.theorem import Theorem, theorems
from tests.corpus.discovery import discover
from tests.corpus.proofs import PROOFS

DATA = Path(__file__).parents[1] / "data" / "corpus"
#: What reports quote; its ``fuzz`` entry is written by hand after a run of ``rtsched fuzz-soundness``.
FILE = Path(__file__).parents[2] / "rtsched" / "report" / "checked.json"


def passed() -> dict[str, int]:
    """Per theorem the records in whose check it took part; raises AssertionError where one fails."""
    counts: Counter[str] = Counter()
    used: set[str] = set()
    registered = theorems()
    honest = dict(registered)

    def watched(theorem: Theorem) -> Theorem:
        def function(model: Any) -> Result:
            used.add(theorem.name)
            return theorem.function(model)

        return replace(theorem, function=function)

    registered.update({name: watched(theorem) for name, theorem in honest.items()})
    try:
        for kind, _, record in discover(DATA).records:
            if kind in PROOFS:
                used.clear()
                PROOFS[kind](record)
                counts.update(used)
    finally:
        registered.update(honest)
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    old = json.loads(FILE.read_text()) if FILE.exists() else {}
    print(json.dumps({"corpus": passed(), "fuzz": old.get("fuzz", {})}, indent=2))
