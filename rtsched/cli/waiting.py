"""While a command works: how far it is, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rtsched.cli.console import echo

if TYPE_CHECKING:
    from types import FrameType

    from rtsched.engine.under_way import UnderWay

Item = TypeVar("Item")

#: Seconds before a command says how far it is, and between two looks at a run.
PATIENCE, LOOK = 2.0, 0.2


def progress_bar(**options: Any) -> Any:
    """A tqdm bar on standard error: after two seconds, and only on a terminal."""
    from tqdm import tqdm

    return tqdm(delay=PATIENCE, leave=False, disable=not sys.stderr.isatty(), dynamic_ncols=True, **options)


def each(items: Iterable[Item], count: int, unit: str = " runs") -> Iterable[Item]:
    """The items one by one, with a bar."""
    with progress_bar(total=count, unit=unit) as bar:
        for item in items:
            yield item
            bar.update()


class Counter:
    """A bar that begins with what it is first told, shown on a terminal after two seconds.

    What was done before says nothing of the rate.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.bar: Any = None
        self.first: int | None = None
        self.begun = self.shown = 0.0

    def show(self, done: int, total: int, failed: int = 0) -> None:
        """So much is done, of so much in all, and so much of that came to nothing."""
        now = time.monotonic()
        if self.first is None:
            self.first, self.begun = done, now
        if not sys.stderr.isatty() or now < max(self.begun + PATIENCE, self.shown + LOOK):
            return
        self.shown = now
        if self.bar is None:
            from tqdm import tqdm

            about: dict[str, Any] = {
                "total": total,
                "unit": self.unit,
                "initial": self.first,
                "leave": False,
                "dynamic_ncols": True,
            }
            self.bar = tqdm(delay=LOOK, **about)  # shown below, and wiped away in the end as it is older than that
            self.bar.start_t -= now - self.begun
        self.bar.total, self.bar.n = total, done
        if failed:
            self.bar.set_postfix_str(f"{failed} failed", refresh=False)
        self.bar.refresh()

    def close(self) -> None:
        """Wipe it away."""
        if self.bar is not None:
            self.bar.close()


@contextmanager
def counting(unit: str = " runs") -> Iterator[Callable[[int, int, int], None]]:
    """A bar for work that tells how much of it is done, of how much in all, and how much of that came to nothing."""
    counter = Counter(unit)
    try:
        yield counter.show
    finally:
        counter.close()


@contextmanager
def looking(unit: str = " points") -> Iterator[Callable[[int, int], None]]:
    """A bar for what is looked at before the work: gone when that is done."""
    counter = Counter(unit)

    def show(done: int, total: int) -> None:
        counter.show(done, total)
        if done == total:
            counter.close()

    try:
        yield show
    finally:
        counter.close()


class Ticker:
    """A bar that a thread keeps up, after two seconds and only on a terminal; `look` is given it each time."""

    def __init__(self, look: Callable[[Any], None], **options: Any) -> None:
        self.look, self.options = look, options
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._show, daemon=True)
        if sys.stderr.isatty():
            self.thread.start()

    def _show(self) -> None:
        if self.over.wait(PATIENCE):
            return
        from tqdm import tqdm

        bar = tqdm(delay=LOOK, leave=False, dynamic_ncols=True, **self.options)  # shown when it is first looked at
        bar.start_t -= PATIENCE
        with bar:
            self.look(bar)
            while not self.over.wait(LOOK):
                self.look(bar)

    def stop(self) -> None:
        """There is nothing more to wait for."""
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()


class Waiting:
    """Given to a run as its `watch`: shows how far it is."""

    def __init__(self) -> None:
        self.run: UnderWay | None = None
        self.ticker: Ticker | None = None

    def __call__(self, run: UnderWay) -> None:
        """The run is about to begin: say so if it will be long or large."""
        from rtsched.forecast import forecast, machine_memory, warning

        text = warning(forecast(run.system, run.until, trace=run.keeps_trace), machine_memory())
        if text is not None:
            echo(text, err=True)
        self.run = run
        layout = "{percentage:3.0f}% |{bar}| {desc} [{elapsed}<{remaining}]"
        self.ticker = Ticker(self._look, total=run.until, bar_format=layout)

    def _look(self, bar: Any) -> None:
        assert self.run is not None
        bar.n = min(self.run.now, self.run.until)
        bar.set_description_str(self._far())

    def _far(self) -> str:
        """How far the run is, in words."""
        from rtsched.units import format_duration

        assert self.run is not None
        now, end = (format_duration(time, digits=4) for time in (self.run.now, self.run.until))
        return f"{now} of {end}, {self.run.jobs:,} jobs"

    def stop(self) -> None:
        """The run is over."""
        if self.ticker is not None:
            self.ticker.stop()


@contextmanager
def proving() -> Iterator[Callable[[Iterable[Item], int], Iterable[Item]]]:
    """Say that a proof is under way; yields the `progress` of the runs beside it, which have a bar of their own."""
    ticker = Ticker(lambda bar: bar.refresh(), desc="proving", bar_format="{desc} [{elapsed}]")

    def progress(items: Iterable[Item], count: int) -> Iterable[Item]:
        ticker.stop()
        return each(items, count)

    try:
        yield progress
    finally:
        ticker.stop()


@contextmanager
def waiting() -> Iterator[Callable[[UnderWay], None]]:
    """Show how far a run is, and let Ctrl-C end it with what happened so far; a second Ctrl-C ends it at once."""
    watch = Waiting()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        if watch.run is None:
            raise KeyboardInterrupt
        watch.run.interrupt()

    own = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if own:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield watch
    finally:
        watch.stop()
        if own:
            signal.signal(signal.SIGINT, before)
