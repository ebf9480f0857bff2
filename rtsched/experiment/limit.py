"""A limit of time for what may never end: whatever runs is interrupted, in any thread."""

from __future__ import annotations

import ctypes
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

#: A billion: times are ns.
SECOND = 1_000_000_000


#: Seconds after which it is said again to whoever did not hear it, and after which a worker's process is ended then.
AGAIN, GRACE = 0.5, 5.0


class OutOfTimeError(BaseException):
    """The time was up. No Exception, so that a policy's ``except Exception`` does not swallow it."""


@contextmanager
def limited(nanoseconds: int) -> Iterator[None]:
    """Raise OutOfTimeError in what is done within, when it takes longer than this (0: no limit)."""
    if not nanoseconds:
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    told = _by_signal if main and hasattr(signal, "setitimer") else _by_thread
    with told(nanoseconds), _ended_after(nanoseconds / SECOND + GRACE) if _worker else nullcontext():
        yield


#: Whether this process may be ended, and when it is to be.
_worker, _end = False, math.inf


def may_end_this_process() -> None:
    """From now on who does not heed a limit (in C, or within a bare ``except``) is ended together with the process."""
    global _worker
    _worker = True


def is_overdue() -> bool:
    """Whether somebody did not heed a limit; to be asked now and then, in another thread."""
    return time.monotonic() > _end


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Who holds up other threads, too, is ended by the system, after as much time of the processor."""
    global _end
    _end = time.monotonic() + seconds
    timer = hasattr(signal, "setitimer")
    if timer:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        _end = math.inf
        if timer:
            signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def _by_signal(nanoseconds: int) -> Iterator[None]:
    within = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        if within:
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, nanoseconds / SECOND)
        yield
    finally:
        within = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _by_thread(nanoseconds: int) -> Iterator[None]:
    """In a worker's thread, where no signal comes: the exception is raised there from another one."""
    me = ctypes.c_ulong(threading.get_ident())
    lock, over = threading.Lock(), threading.Event()
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def ring() -> None:
        left = nanoseconds / SECOND
        while not over.wait(left):
            left = AGAIN
            with lock:
                if not over.is_set():
                    raise_in(me, ctypes.py_object(OutOfTimeError))

    threading.Thread(target=ring, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            over.set()
            raise_in(me, None)  # where it has rung, and not been heard yet
