"""Limits of time, in the main thread and in others."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from rtsched.experiment.limit import SECOND, OutOfTimeError, limited


def forever():
    while True:
        with suppress(Exception):  # as careless policies do
            sum(range(100))


def in_thread(action):
    found = []

    def run():
        try:
            found.append(action())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return found


def hurried(action, seconds=0.05):
    with limited(int(seconds * SECOND)):
        return action()


def test_what_takes_too_long_is_interrupted():
    with pytest.raises(OutOfTimeError):
        hurried(forever)


def test_in_other_threads_too():
    (found,) = in_thread(lambda: hurried(forever))
    assert isinstance(found, OutOfTimeError)


def test_what_is_quick_goes_on_undisturbed():
    def quick():
        assert hurried(lambda: 7) == 7
        time.sleep(0.1)
        return "went on"

    assert quick() == "went on"
    assert in_thread(quick) == ["went on"]


def test_no_limit_is_none():
    assert hurried(lambda: 7, 0) == 7
