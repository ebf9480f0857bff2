"""While a command works: how far it is, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
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


class Waiting:
    """Given to a run as its `watch`: shows how far it is from a thread of its own."""

    def __init__(self) -> None:
        self.run: UnderWay | None = None
        self.over = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self, run: UnderWay) -> None:
        """The run is about to begin: say so if it will be long or large."""
        from rtsched.forecast import forecast, machine_memory, warning

        text = warning(forecast(run.system, run.until, trace=run.keeps_trace), machine_memory())
        if text is not None:
            echo(text, err=True)
        self.run = run
        if sys.stderr.isatty():
            self.thread = threading.Thread(target=self._show, daemon=True)
            self.thread.start()

    def _show(self) -> None:
        if self.over.wait(PATIENCE):
            return
        from tqdm import tqdm

        assert self.run is not None
        layout = "{percentage:3.0f}% |{bar}| {desc} [{elapsed}<{remaining}]"
        bar = tqdm(total=self.run.until, desc=self._far(), leave=False, bar_format=layout, dynamic_ncols=True)
        bar.start_t -= PATIENCE
        with bar:
            while not self.over.wait(LOOK):
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
        self.over.set()
        if self.thread is not None:
            self.thread.join()


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
