"""Work in many processes: handed out in small parts, taken back as it comes, whoever dies on the way.

Any ``concurrent.futures.Executor`` will do. What a worker took with it when it died is done again, at last by itself;
who then still kills every worker that takes it up is told apart, and all others go on.
"""

from __future__ import annotations

import gc
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
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from multiprocessing import Pipe, get_context
from types import FrameType, ModuleType
from typing import Any, Generic, TypeVar

from rtsched.errors import InputError, RtschedError
from rtsched.experiment import cluster, limit

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

#: Seconds that one part of the work should take, and the most items in it.
PART, MOST = 0.25, 500
#: Parts a worker, handed out ahead.
AHEAD = 3
#: A worker makes the same few thousand objects for every item, and drops them: the collector looks at many at a time.
YOUNG = 20_000
#: How often an item is tried by itself before it counts as what kills workers.
TRIES = 3
#: Seconds between two looks whether all who work are still there.
LOOK = 2.0


class GoneError(RtschedError):
    """Nobody works any more."""


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


def _ready() -> bool:
    """In a worker: whether there is one."""
    return True


# ---- where it is done ------------------------------------------------------------------------------------------------


class Crew:
    """Those who work: an executor of somebody else's, which is never shut down here."""

    #: What to say where none of them stays alive.
    gone = "the executor has lost its workers, or its scheduler; when they are back, the same command goes on"
    #: Whether they know all that this process knows (what is registered, its modules) without being told.
    inherits = False

    def __init__(self, executor: Executor, workers: int) -> None:
        self.executor = executor
        self.workers = workers
        #: The user's own modules, which others may lack, or have in an older form.
        self.modules: dict[str, ModuleType] = {}

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Hand out a part. Raises GoneError."""
        try:
            return self.executor.submit(function, *arguments)
        except Exception as error:  # each executor has errors of its own for this
            raise GoneError(f"the executor takes no more work ({type(error).__name__}: {error})") from None

    def pickled(self, function: Callable[[Any], Any]) -> bytes:
        """A function for processes that may lack the user's files: by cloudpickle, where that is installed."""
        try:
            import cloudpickle
        except ImportError:
            return pickle.dumps(function)
        by_value = [module for module in self.modules.values() if module.__name__ != "__main__"]  # which always is
        for module in by_value:
            cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]
        try:
            return cloudpickle.dumps(function)  # type: ignore[no-any-return, no-untyped-call]
        finally:
            for module in by_value:
                cloudpickle.unregister_pickle_by_value(module)  # type: ignore[no-untyped-call]

    def look(self) -> None:
        """Nothing has come back for a while: see whether they are well. Raises GoneError."""
        if cluster.is_gone(self.executor):
            raise GoneError(self.gone)

    def forget(self, futures: Iterable[Future[Any]]) -> None:
        """Nobody waits for these any more."""
        for future in futures:
            future.cancel()

    def renew(self) -> None:
        """Some have died: somebody else's executor has to know itself what to do."""

    def close(self) -> None:
        """There is nothing more to do, or nobody wants it any more."""


class Processes(Crew):
    """Processes of this machine. They end when the one that made them does, whatever ends it."""

    gone = (
        "the processes that should do the work end as soon as they begin; in a script, call it below "
        "`if __name__ == '__main__':`, or say jobs=1 (-j 1)"
    )
    inherits = sys.platform == "linux"

    def __init__(self, workers: int) -> None:
        self._doubted = False
        self._untold: set[Future[Any]] = set()
        super().__init__(self._made(workers), workers)

    def _made(self, workers: int) -> ProcessPoolExecutor:
        self._theirs, self._ours = Pipe(duplex=False)
        context = get_context("fork") if self.inherits else None
        return ProcessPoolExecutor(workers, context, _begin, (os.getpid(), self._theirs, self._ours))

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Hand out a part; all have died: to new ones."""
        with _uninterrupted():  # for whoever is made now, too
            try:
                future = self.executor.submit(function, *arguments)
            except BrokenExecutor:
                self.renew()
                future = self.executor.submit(function, *arguments)
        self._untold.add(future)
        future.add_done_callback(self._untold.discard)
        return future

    def pickled(self, function: Callable[[Any], Any]) -> bytes:
        """A function for processes that have the same files."""
        return pickle.dumps(function)

    def look(self) -> None:
        """End them all where one died in the middle of what it said: the executor waits for the rest for ever.

        Tell the rest ourselves where nobody is left to do so.
        """
        manager = getattr(self.executor, "_executor_manager_thread", None)
        if manager is not None and not manager.is_alive():
            self._tell()
        died = any(process.exitcode is not None for process in self._alive())
        if died and self._doubted:
            self._kill()
        self._doubted = died

    def forget(self, futures: Iterable[Future[Any]]) -> None:
        """They go with the processes, which are about to end: what is cancelled by two at once is an error."""

    def renew(self) -> None:
        """Others take the place of those who died."""
        self.close()
        self.executor = self._made(self.workers)

    def close(self) -> None:
        """End them all, in the middle of what they do."""
        self._ours.close()
        self._theirs.close()
        self._kill()
        self.executor.shutdown(wait=True)  # `cancel_futures` would cancel without telling who waits
        self._tell()

    def _tell(self) -> None:
        """What the executor did not say: where one dies while a part is handed out, it may forget this part."""
        for future in list(self._untold):
            if not future.done():
                future.set_exception(BrokenProcessPool("the process that had it is gone"))

    def _alive(self) -> list[Any]:
        return list((getattr(self.executor, "_processes", None) or {}).values())

    def _kill(self) -> None:
        for process in self._alive():
            process.kill()
        queue = getattr(self.executor, "_result_queue", None)
        if queue is not None:
            queue._writer.close()  # or nobody would say that there is no rest to wait for


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Interruptions wait until this is done: where processes are forked, Python swallows them, or a child has them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[FrameType | None] = []
    before = signal.signal(signal.SIGINT, lambda _number, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(signal.SIGINT, came[0])


def _begin(parent: int, theirs: Any, ours: Any) -> None:
    """A worker begins: it leaves interruptions to its parent, and ends when that is gone."""
    ours.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit.may_end_this_process()
    gc.freeze()  # what comes from the parent stays: nobody need look through it again and again
    gc.set_threshold(YOUNG)
    threading.Thread(target=_await_end, args=(parent, theirs), daemon=True).start()


def _await_end(parent: int, theirs: Any) -> None:
    """Wait until the parent is gone, or somebody does not heed a limit.

    The pipe says it at once, unless somebody else's process was forked with an end of it: then the parent's id does.
    """
    with suppress(EOFError, OSError):
        while not theirs.poll(0.5) and os.getppid() == parent and not limit.is_overdue():
            pass
    os._exit(0)


# ---- how it is handed out --------------------------------------------------------------------------------------------


class Spread(Generic[A, B]):
    """Items spread over a crew.

    An item that was with a worker who died is `split`, and its pieces are done one by one; `lost` makes the result of
    a piece that kills every worker that takes it up, out of the piece and the seconds that the last one lived with it.
    Nobody tries again what took longer than `patience` (in seconds; None: there is no limit).
    """

    def __init__(
        self,
        function: Callable[[A], B],
        crew: Crew,
        lost: Callable[[A, float], B],
        split: Callable[[A], Iterable[A]] = lambda item: (item,),
        patience: float | None = None,
    ) -> None:
        self.blob = pickled(function, crew)
        self.crew = crew
        self.lost, self.split, self.patience = lost, split, patience
        self.pace = PART  # seconds that an item takes: unknown, so one by one at first
        self.pending: dict[Future[tuple[list[Any], float]], list[A]] = {}
        self.doubtful: deque[A] = deque()

    def run(self, items: Iterable[A]) -> Iterator[list[B]]:
        """The results, part by part, as they come."""
        rest = iter(items)
        try:
            while True:
                self._hand_out(rest)
                if self.pending:
                    yield from self._taken(self._done())
                elif self.doubtful:
                    yield [self._alone(self.doubtful.popleft())]
                else:
                    return
        finally:
            self.crew.forget(self.pending)

    def _done(self) -> Iterable[Future[tuple[list[Any], float]]]:
        done, _ = wait(self.pending, LOOK, return_when=FIRST_COMPLETED)
        if not done:
            self.crew.look()
        return done

    def _hand_out(self, rest: Iterator[A]) -> None:
        """Keep everybody busy; but while somebody may be what kills workers, wait until all others are done."""
        while not self.doubtful and len(self.pending) < AHEAD * self.crew.workers:
            count = max(1, min(MOST, round(PART / self.pace)))
            part = list(islice(rest, count))
            if not part:
                return
            self.pending[self.crew.submit(_part, self.blob, part)] = part

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
                self.doubtful.extend(piece for item in part for piece in self.split(item))
                continue
            self.pace = 0.5 * self.pace + 0.5 * max(seconds, 1e-6) / len(part)
            yield _checked(found)
        if died:
            self.crew.renew()

    def _alone(self, item: A) -> B:
        """One item with nobody beside it: if its worker dies, that is its doing. Raises GoneError."""
        seconds = 0.0
        for _ in range(TRIES):
            begun = time.monotonic()
            found = self._result(self.crew.submit(_part, self.blob, [item]))
            if found is not None:
                return _checked(found[0])[0]  # type: ignore[no-any-return]
            seconds = time.monotonic() - begun
            self.crew.renew()
            if self.patience is not None and seconds > self.patience:
                break
        if not self._result(self.crew.submit(_ready)):
            raise GoneError(self.crew.gone)
        return self.lost(item, seconds)

    def _result(self, future: Future[T]) -> T | None:
        """What a worker gives back; None where it dies."""
        while not wait([future], LOOK).done:
            self.crew.look()
        try:
            return future.result()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            return None


def _checked(found: list[Any]) -> list[Any]:
    for each in found:
        if isinstance(each, Fatal):
            raise each.error
    return found


def pickled(function: Callable[[Any], Any], crew: Crew) -> bytes:
    """The function for those who work. Raises InputError where it cannot be sent there."""
    try:
        return crew.pickled(function)
    except Exception as error:
        raise InputError(
            f"a policy, or a metric, cannot be sent to another process ({error}); define it at the top of a module, or "
            "say jobs=1"
        ) from None
