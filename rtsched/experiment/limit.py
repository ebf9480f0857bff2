"""A limit of time for what may never end: whatever runs is interrupted, in any thread."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: A billion: times are ns.
SECOND = 1_000_000_000


class OutOfTimeError(BaseException):
    """The time was up. No Exception, so that a policy's ``except Exception`` does not swallow it."""


@contextmanager
def limited(nanoseconds: int) -> Iterator[None]:
    """Raise OutOfTimeError in what is done within, when it takes longer than this (0: no limit)."""
    if not nanoseconds:
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    with _by_signal(nanoseconds) if main and hasattr(signal, "setitimer") else _by_thread(nanoseconds):
        yield


@contextmanager
def _by_signal(nanoseconds: int) -> Iterator[None]:
    within = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        if within:
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
    lock, within = threading.Lock(), True
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def ring() -> None:
        with lock:
            if within:
                raise_in(me, ctypes.py_object(OutOfTimeError))

    timer = threading.Timer(nanoseconds / SECOND, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            within = False
            raise_in(me, None)  # where it has rung, and not been heard yet
        timer.cancel()
