"""Somebody's Dask cluster as an executor (the extra ``distributed``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from rtsched.errors import InputError

#: Seconds for a scheduler to answer.
PATIENCE = 10


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """The executor of the cluster whose scheduler is at `address`. Raises InputError where nobody answers."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--dask needs the package distributed; install rtsched[distributed]") from None
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what is wrong is told in words, once
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise InputError(
            f"--dask {address}: no scheduler answers there ({error}); start one with `dask scheduler`"
        ) from None
    with client:
        yield client.get_executor(retries=5)  # type: ignore[no-untyped-call]


def is_gone(executor: Executor) -> bool:
    """Whether it is Dask's, and has lost its scheduler: some of its futures then never end, found again or not."""
    return getattr(getattr(executor, "_client", None), "status", "running") != "running"


def workers(executor: Executor) -> int:
    """How many threads of workers the cluster of Dask's executor has; 0 where it is another one's."""
    client = getattr(executor, "_client", None)
    if client is None or not hasattr(client, "nthreads"):
        return 0
    return sum(client.nthreads().values())
