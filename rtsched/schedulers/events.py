"""The events of a run: what a scheduler and its parts can be told, and the check that nobody waits for others."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any

from rtsched.engine.veil import is_ours
from rtsched.errors import InputError

if TYPE_CHECKING:
    from rtsched.engine.job import Job, Segment
    from rtsched.engine.processor import Processor


class Listener:
    """Who can be told events. Override those that are wanted; the others are never delivered, and so cost nothing.

    A method whose name begins with ``on_`` and that is none of these is an error: nobody would call it.
    """

    def on_release(self, job: Job) -> None:
        """A job was released; it runs the best variant unless it is reconfigured."""

    def on_ready(self, job: Job, segments: tuple[Segment, ...]) -> None:
        """Segments of `job` can start (or can start again: after a boundary, or with a resource they waited for)."""

    def on_start(self, segment: Segment, processor: Processor) -> None:
        """A node of a task with variants is about to start: the last moment to ``soc.reconfigure`` it.

        Its processor is still free then, and taken: to give it to another one is an error.

        Of a task with ``switch: region`` also one that has begun and is about to go on at a boundary of its regions.
        """

    def on_completion(self, segment: Segment, observation: dict[str, Any]) -> None:
        """A segment is done; `observation` holds the measured ``time`` in ns since its last start.

        At an early exit also ``exit`` (its number) and ``confidence``; at a branch ``branch``, the node that follows.
        """

    def on_job_end(self, job: Job) -> None:
        """`job` has ended in any way: it is done, was finished, dropped or aborted; `job.outcome` says which.

        What the run's end cuts off has not ended.
        """

    def on_processor(self, processor: Processor, change: str) -> None:
        """A processor changed by itself.

        ``change`` is ``idle``, ``down``, ``up``, ``slow``, ``normal``, ``frequency``, ``temperature``, or
        ``loaded``: the weights for which the policy asked with ``soc.load`` are there.
        """

    def on_deadline(self, job: Job) -> None:
        """The deadline of an unfinished job passes now; what its task does on a miss comes after this."""

    def on_timer(self, tag: Any) -> None:
        """A time that was asked for with ``soc.wake_at`` has come; everybody hears their own, and nobody else's."""

    def on_environment(self, change: dict[str, Any]) -> None:
        """Something outside changed: a link's bandwidth, a battery."""


#: The names of all events.
EVENTS = tuple(name for name in vars(Listener) if name.startswith("on_"))


def check(listener: Listener, kind: str, methods: tuple[str, ...] = ()) -> None:
    """Whether every event that `listener` waits for can be delivered, and every one of its `methods` be called.

    `kind` says what it is (scheduler, ordering, …). Raises InputError with its class, the method, and what to write.
    rtsched's own classes are looked at by its tests, not before every run: that takes longer than a small run's setup.
    """
    if is_ours(listener):
        return
    named = f"{kind} {type(listener).__name__}"
    for name in dir(type(listener)):
        if name.startswith("on_") and name not in EVENTS:
            close = difflib.get_close_matches(name, EVENTS, n=1, cutoff=0.0)[0]
            raise InputError(f"{named}: {name} is no event, and would never be called; did you mean {close!r}?")
    for name in (*methods, *EVENTS):
        _check_method(named, listener, name)


def _check_method(named: str, listener: Listener, name: str) -> None:
    method, announced = getattr(listener, name), _announced(listener, name)
    if getattr(method, "__func__", None) is announced:
        return  # nobody wrote it anew
    if not callable(method):
        raise InputError(f"{named}: {name} is a {type(method).__name__}; write it as a method")
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        raise InputError(f"{named}: {name} is async, and nobody waits for it; write 'def {name}'")
    if inspect.isgeneratorfunction(method):
        raise InputError(f"{named}: {name} has a 'yield', so that calling it does nothing; write it without")
    told = list(inspect.signature(announced).parameters)[1:]
    try:
        inspect.signature(method).bind(*told)
    except TypeError:
        raise InputError(
            f"{named}: {name} is called with {', '.join(told) or 'nothing'}; write "
            f"'def {name}({', '.join(['self', *told])})'"
        ) from None
    except ValueError:
        pass  # nobody can say what it takes


def _announced(listener: Listener, name: str) -> Any:
    """The method as the first class that has it declares it."""
    return next(vars(each)[name] for each in reversed(type(listener).__mro__) if name in vars(each))
