"""Work in many processes: handed out in small parts, taken back as it comes, whoever dies on the way.

Any ``concurrent.futures.Executor`` will do. What a worker took with it when it died is done again, at last by itself;
who then still kills every worker that takes it up is told apart, and all others go on.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from functools import lru_cache
from itertools import islice
from multiprocessing import Pipe, get_context
from typing import Any, Generic, TypeVar

from rtsched.errors import InputError, RtschedError

A = TypeVar("A")
B = TypeVar("B")

#: Seconds that one part of the work should take, and the most items in it.
PART, MOST = 0.25, 500
#: Parts a worker, handed out ahead.
AHEAD = 3
#: How often an item is tried by itself before it counts as what kills workers.
TRIES = 3


class GoneError(RtschedError):
    """The executor takes no more work."""


class Fatal:
    """An error that ends everything, on its way back from a worker: whatever else comes back broken is the way."""

    def __init__(self, error: Exception) -> None:
        told = "".join(traceback.format_exception(error))
        try:
            self.error = pickle.loads(pickle.dumps(error))
        except Exception:
            self.error = RuntimeError(told)
        if not isinstance(error, RtschedError):
            self.error.add_note(told)


@lru_cache(maxsize=2)
def _unpacked(blob: bytes) -> Callable[[Any], Any]:
    return pickle.loads(blob)  # type: ignore[no-any-return]


def _part(blob: bytes, items: Sequence[Any]) -> tuple[list[Any], float]:
    """In a worker: what the function makes of each item, and how long that took."""
    begun = time.perf_counter()
    function = _unpacked(blob)
    try:
        found = [function(item) for item in items]
    except Exception as error:
        found = [Fatal(error)]
    return found, time.perf_counter() - begun


# ---- where it is done ------------------------------------------------------------------------------------------------


class Crew:
    """Those who work: an executor of somebody else's, which is never shut down here."""

    def __init__(self, executor: Executor, workers: int) -> None:
        self.executor = executor
        self.workers = workers

    def submit(self, blob: bytes, items: Sequence[Any]) -> Future[tuple[list[Any], float]]:
        """Hand out a part. Raises GoneError."""
        try:
            return self.executor.submit(_part, blob, items)
        except Exception as error:  # each executor has errors of its own for this
            raise GoneError(f"the executor takes no more work ({type(error).__name__}: {error})") from None

    def renew(self) -> None:
        """Some have died: somebody else's executor has to know itself what to do."""

    def close(self) -> None:
        """There is nothing more to do, or nobody wants it any more."""


class Processes(Crew):
    """Processes of this machine. They end when the one that made them does, whatever ends it."""

    def __init__(self, workers: int) -> None:
        self._ours: Any = None
        super().__init__(self._made(workers), workers)

    def _made(self, workers: int) -> ProcessPoolExecutor:
        theirs, self._ours = Pipe(duplex=False)
        context = get_context("fork") if sys.platform == "linux" else None
        pool = ProcessPoolExecutor(workers, context, _begin, (theirs, self._ours))
        self._theirs = theirs
        return pool

    def submit(self, blob: bytes, items: Sequence[Any]) -> Future[tuple[list[Any], float]]:
        """Hand out a part; all have died: to new ones."""
        try:
            return self.executor.submit(_part, blob, items)
        except BrokenExecutor:
            self.renew()
            return self.executor.submit(_part, blob, items)

    def renew(self) -> None:
        """Others take the place of those who died."""
        self.close()
        self.executor = self._made(self.workers)

    def close(self) -> None:
        """End them all, in the middle of what they do."""
        self._ours.close()
        self._theirs.close()
        self.executor.shutdown(wait=True, cancel_futures=True)


def _begin(theirs: Any, ours: Any) -> None:
    """A worker begins: it leaves interruptions to its parent, and ends when that is gone."""
    ours.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_await_end, args=(theirs,), daemon=True).start()


def _await_end(theirs: Any) -> None:
    try:
        theirs.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)


# ---- how it is handed out --------------------------------------------------------------------------------------------


class Spread(Generic[A, B]):
    """Items spread over a crew. `lost` makes the result of an item that kills every worker that takes it up."""

    def __init__(self, function: Callable[[A], B], crew: Crew, lost: Callable[[A], B]) -> None:
        self.blob = pickled(function, isinstance(crew, Processes))
        self.crew = crew
        self.lost = lost
        self.pace = PART  # seconds that an item takes: unknown, so one by one at first
        self.pending: dict[Future[tuple[list[Any], float]], list[A]] = {}
        self.doubtful: deque[tuple[A, int]] = deque()

    def run(self, items: Iterable[A]) -> Iterator[list[B]]:
        """The results, part by part, as they come."""
        rest = iter(items)
        while True:
            self._hand_out(rest)
            if not self.pending and not self.doubtful:
                return
            if not self.pending:
                yield [self._alone(*self.doubtful.popleft())]
                continue
            done, _ = wait(self.pending, return_when=FIRST_COMPLETED)
            yield from self._taken(done)

    def _hand_out(self, rest: Iterator[A]) -> None:
        """Keep everybody busy; but while somebody may be what kills workers, wait until all others are done."""
        while not self.doubtful and len(self.pending) < AHEAD * self.crew.workers:
            count = max(1, min(MOST, round(PART / self.pace)))
            part = list(islice(rest, count))
            if not part:
                return
            self.pending[self.crew.submit(self.blob, part)] = part

    def _taken(self, done: Iterable[Future[tuple[list[Any], float]]]) -> Iterator[list[B]]:
        died = False
        for future in done:
            part = self.pending.pop(future)
            try:
                found, seconds = future.result()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                died = True
                self.doubtful.extend((item, 0) for item in part)
                continue
            self.pace = 0.5 * self.pace + 0.5 * max(seconds, 1e-6) / len(part)
            yield _checked(found)
        if died:
            self.crew.renew()

    def _alone(self, item: A, tries: int) -> B:
        """One item with nobody beside it: if its worker dies, that is its doing."""
        while tries < TRIES:
            future = self.crew.submit(self.blob, [item])
            try:
                found, _ = future.result()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
                tries += 1
                self.crew.renew()
            else:
                return _checked(found)[0]  # type: ignore[no-any-return]
        return self.lost(item)


def _checked(found: list[Any]) -> list[Any]:
    for each in found:
        if isinstance(each, Fatal):
            raise each.error
    return found


def pickled(function: Callable[[Any], Any], local: bool) -> bytes:
    """The function for other processes. Raises InputError where it cannot be sent there.

    By cloudpickle, where it is installed and the workers may be on other machines, which lack the user's files.
    """
    try:
        if not local:
            import cloudpickle

            return cloudpickle.dumps(function)  # type: ignore[no-any-return]
    except ImportError:
        pass
    try:
        return pickle.dumps(function)
    except Exception as error:
        raise InputError(
            f"a policy, or a metric, cannot be sent to another process ({error}); define it at the top of a module, or "
            "say jobs=1"
        ) from None
