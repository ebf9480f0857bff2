"""What each policy of the shelf misses of the best that anybody could do, and what its decisions cost, as a table.

    python analysis/shelf/measure.py measured.csv        # some minutes on one core; needs the extra `optimum`

Both are of short windows under seed 0. Regrets are the same on every machine; what decisions cost is this machine's
CPU time, measured in one go, so that only ratios mean something.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import rtsched
from rtsched import api
from rtsched.errors import RtschedError
from rtsched.experiment.study import read

HERE = Path(__file__).parent
#: A line: system, policy, what is told, its value, a note.
Row = tuple[str, str, str, float, str]
#: Jobs in a window that the solver is given, the windows tried, the longest first, and its effort (in its own seconds).
MOST, WINDOWS, EFFORT = 40, ("1 s", "500 ms", "200 ms", "100 ms", "50 ms"), 5.0
#: For decisions.
LENGTH = "1 s"


def regrets(system: str, policies: Mapping[str, Any]) -> Iterator[Row]:
    """The regret of every policy in the longest window of a system with few enough jobs; or why there is none."""
    for length in WINDOWS:
        prepared = api.prepare(api.load(system), until=length)
        if 0 < len(prepared.run(api.scheduler("edf"), 0).jobs) <= MOST:
            break
    try:
        best = rtsched.optimum(system, until=length, seed=0, effort=EFFORT)
    except RtschedError as error:
        yield system, "", "refused", 0, " ".join(str(error).split())
        return
    yield system, "", "gap", best.gap, f"{length}, {best.jobs} jobs; {'; '.join(best.relaxed)}"
    for label, choice in policies.items():
        try:
            trace = prepared.run(api.scheduler(choice), 0)
        except RtschedError:
            continue
        reached = rtsched.evaluate(trace, "worth")["worth"]
        if reached is not None and best.bound:
            yield system, label, "regret", round(best.regret(reached), 6), ""


def costs(system: str, policies: Mapping[str, Any]) -> Iterator[Row]:
    """The decisions that every policy takes in a second of CPU time, all that it does after set-up counted."""
    prepared = api.prepare(api.load(system), until=LENGTH)
    for label, choice in policies.items():
        clocks = [Clock(), Clock()]
        try:
            for clock in clocks:
                prepared.run(clock.on(api.scheduler(choice)), 0, trace=False)
        except RtschedError:
            continue
        quicker = min(clocks, key=lambda clock: clock.spent)  # the first one warms up
        if quicker.decisions:
            yield system, label, "a_second", round(1e9 * quicker.decisions / quicker.spent), ""


class Clock:
    """Counts the decisions of a scheduler, and the time that it takes for them and for hearing events."""

    def __init__(self) -> None:
        self.decisions = self.spent = 0

    def on(self, scheduler: Any) -> Any:
        """The same scheduler, watched."""
        dispatcher, listener = scheduler.dispatcher, scheduler.listener
        scheduler.dispatcher = lambda: partial(self._timed, 1, dispatcher())
        scheduler.listener = lambda event: (heard := listener(event)) and partial(self._timed, 0, heard)
        return scheduler

    def _timed(self, decisions: int, action: Callable[..., None], *told: Any) -> None:
        begun = time.thread_time_ns()
        action(*told)
        self.spent += time.thread_time_ns() - begun
        self.decisions += decisions


def main(path: str) -> None:
    """The table, a line as it comes."""
    study = read(HERE / "shelf.yaml")
    with Path(path).open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("system", "policy", "what", "value", "note"))
        for quantity in (costs, regrets):
            for point in study.points():
                table.writerows(quantity(str(point.shown[0]), study.policies))
                file.flush()


if __name__ == "__main__":
    main(sys.argv[1])
