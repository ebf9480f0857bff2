"""Arrivals: lazily generated, the same for every policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtsched.engine.streams import Streams
from rtsched.model.task import Bursty, Poisson, Sporadic, TraceArrivals
from rtsched.model.taskgraph import TaskSpec

#: Draws are made this many at a time, but for the first ones: of many thousand tasks most may draw but little.
BLOCK = 256
FIRST_BLOCK = 8


def arrivals(task: TaskSpec, streams: Streams) -> Iterator[tuple[int, int]]:
    """Pairs (arrival, release) in ns, arrivals in order: without end, or as many as were recorded.

    All of these are generators proper: mypyc makes a list of a generator expression, and this one has no end.
    """
    if not task.jitter:
        for arrival in _plain(task, streams):
            yield arrival, arrival
        return
    delays: Iterator[int] = blocks(lambda size: streams.jitter.integers(0, task.jitter, size, endpoint=True))
    for arrival, delay in zip(_plain(task, streams), delays, strict=False):
        yield arrival, arrival + delay


def _plain(task: TaskSpec, streams: Streams) -> Iterator[int]:
    if task.release is not None:
        return iter((task.release,))
    if isinstance(task.arrival, TraceArrivals):
        assert task.arrival.times is not None
        return map(task.offset.__add__, task.arrival.times)
    if isinstance(task.arrival, Bursty):
        return _bursty(task.offset, task.arrival, streams.arrival)
    period = task.period
    assert period is not None
    if isinstance(task.arrival, Poisson):
        return _summed(task.offset, 0, period, streams.arrival)
    if isinstance(task.arrival, Sporadic) and task.arrival.mean_extra:
        return _summed(task.offset, period, task.arrival.mean_extra, streams.arrival, task.arrival.max_gap)
    return count(task.offset, period)


def _summed(first: int, least: int, mean: int, random: np.random.Generator, most: int | None = None) -> Iterator[int]:
    """Arrivals whose gaps are `least` plus an exponential of mean `mean`, rounded, at least 1 ns and at most `most`."""
    now = first
    for extra in blocks(lambda size: random.exponential(mean, size)):
        yield now
        gap = max(1, least + round(extra))
        now += gap if most is None else min(gap, most)


def _bursty(first: int, model: Bursty, random: np.random.Generator) -> Iterator[int]:
    """A Markov-modulated Poisson process; when a state ends before the next arrival, the gap is drawn anew.

    Time is counted from `first`: a float beyond 2**53 ns (104 days) would swallow short gaps.
    """
    draws = blocks(lambda size: random.exponential(1.0, size))
    now = 0.0
    last = -1
    number = 0
    ends = now + next(draws) * model.states[0].dwell
    while True:
        gap = next(draws) * model.states[number].gap
        if now + gap >= ends:
            now = ends
            number = (number + 1) % len(model.states)
            ends = now + next(draws) * model.states[number].dwell
            continue
        now += gap
        last = max(last + 1, round(now))
        yield first + last


def blocks(draw: Callable[[int], NDArray[Any]], most: int = BLOCK) -> Iterator[Any]:
    """The draws of ``draw(size)`` one by one, made a block at a time: how many at a time changes none of them."""
    size = min(FIRST_BLOCK, most)
    while True:
        yield from draw(size).tolist()
        size = min(2 * size, most)
