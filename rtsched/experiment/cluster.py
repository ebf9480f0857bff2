"""Somebody's Dask cluster as an executor (the extra ``distributed``)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from rtsched.errors import InputError


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """The executor of the cluster whose scheduler is at `address`. Raises InputError where nobody answers."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--dask needs the package distributed; install rtsched[distributed]") from None
    try:
        client = Client(address, timeout=20)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"--dask {address}: no scheduler answers there ({error}); start one with `dask scheduler`"
        ) from None
    with client:
        yield client.get_executor(retries=5)
