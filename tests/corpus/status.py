"""Which theorem passed how many corpus records, and what mutants of it they notice: what reports quote.

``python -m tests.corpus.status`` prints it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import wraps
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


def mutants() -> dict[str, int]:
    """Per theorem the mutants of functions that it runs; a test of its own shows that each of them is noticed."""
    from tests.schedulability.test_proofs import CHECKS, MUTANTS

    counts: Counter[str] = Counter()
    places = {(module, name): getattr(module, name) for module, name, *_ in MUTANTS.values()}
    users: dict[tuple[Any, str], set[str]] = {place: set() for place in places}
    running: list[str] = []
    registered = theorems()
    honest = dict(registered)

    def named(theorem: Theorem) -> Theorem:
        def function(model: Any) -> Result:
            running.append(theorem.name)
            try:
                return theorem.function(model)
            finally:
                running.pop()

        return replace(theorem, function=function)

    def noted(place: tuple[Any, str], function: Any) -> Any:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            users[place].update(running)
            return function(*arguments, **named)

        return call

    try:
        registered.update({name: named(theorem) for name, theorem in honest.items()})
        for (module, name), function in places.items():
            if isinstance(function, Theorem):
                users[module, name].add(function.name)
            else:
                setattr(module, name, noted((module, name), function))
        for kind, _, record in discover(DATA).records:
            if kind in PROOFS:
                PROOFS[kind](record)
        CHECKS["queues of several orders"]()  # which no record of the corpus has; the other checks run no theorems
    finally:
        registered.update(honest)
        for (module, name), function in places.items():
            setattr(module, name, function)
    for module, name, *_ in MUTANTS.values():
        counts.update(users[module, name])
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    old = json.loads(FILE.read_text()) if FILE.exists() else {}
    print(json.dumps({"corpus": passed(), "mutants": mutants(), "fuzz": old.get("fuzz", {})}, indent=2))
