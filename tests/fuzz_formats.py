"""Hostile inputs of every format that rtsched reads: each must end well or with an error that a person can read.

    python -m tests.fuzz_formats system --minutes 10          # one format (or several), seed 0
    python -m tests.fuzz_formats system --seed 3 --number 17  # one input again, shown, with its traceback

Input NUMBER of a format under a seed is always the same. Work is done in a process of limited memory, with an alarm.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz_mutations import mutated
from tests.fuzz_readers import FORMATS, ROOT, complain, refusals

#: What one input may take: seconds of CPU time, events of a run, and bytes of memory for all of the process.
SECONDS = 10
EVENTS = 3000
MEMORY = 4 * 2**30


class TimeError(BaseException):
    """The alarm went off; no `except Exception` may swallow it."""


# ---- one input -------------------------------------------------------------------------------------------------------


@cache
def _seeds(name: str) -> list[bytes]:
    return FORMATS[name].seeds()


def made(name: str, seed: int, number: int) -> tuple[bytes, random.Random]:
    """Input `number` of a format, and the generator that made it, for what its reader chooses."""
    random_ = random.Random(f"{name} {seed} {number}")
    return mutated(random_, random_.choice(_seeds(name)), FORMATS[name].kind), random_


def look(name: str, seed: int, number: int, folder: Path) -> str | None:
    """What is wrong with how an input was read; None if nothing is."""
    data, random_ = made(name, seed, number)
    path = folder / FORMATS[name].name
    path.write_bytes(data)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        try:
            FORMATS[name].read(path, random_)
        except refusals() as error:
            complain(error)
    except TimeError:
        return f"took longer than {SECONDS} s\n{traceback.format_exc(limit=-8)}"
    except Exception:
        return traceback.format_exc(limit=-8)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    took = time.process_time() - start
    return f"took {took:.0f} s" if took > SECONDS else None


# ---- many inputs -----------------------------------------------------------------------------------------------------


def _alarm(*_: Any) -> None:
    raise TimeError


def _confined() -> None:
    """In the working process: little memory, few events, an alarm, and a folder of the user's own."""
    from rtsched.engine import simulation
    from rtsched.model import catalogue

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _alarm)
    simulation.run = functools.partial(simulation.run, most_events=EVENTS)  # type: ignore[assignment]
    catalogue.latency_table = functools.cache(catalogue.latency_table)  # type: ignore[assignment]


def _work(names: list[str], seed: int, first: int, count: int, seconds: float) -> None:
    """Looks at inputs and says so, line by line: what is being looked at, and what was found."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RTSCHED_PATH"] = folder
        _confined()
        for name in names:
            end = time.monotonic() + seconds
            for number in range(first, first + count):
                if time.monotonic() > end:
                    break
                print(json.dumps([name, number, None]), flush=True)
                found = look(name, seed, number, Path(folder))
                if found is not None:
                    print(json.dumps([name, number, found]), flush=True)


def _lines(arguments: list[str], limit: float) -> Iterator[list[Any]]:
    """What a working process says; it is killed after `limit` seconds."""
    command = [sys.executable, "-m", "tests.fuzz_formats", *arguments, "--work"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watch = threading.Timer(limit, process.kill)
        watch.start()
        last: list[Any] = ["none", -1, None]
        for line in process.stdout:
            if line.startswith("["):
                last = json.loads(line)
                yield last
        assert process.stderr is not None
        said = process.stderr.read()
        watch.cancel()
    if process.returncode:
        yield [last[0], last[1], f"the process ended with {process.returncode}\n{said[-2000:]}"]


def fuzz(
    names: list[str], *, seed: int = 0, count: int = 10**9, minutes: float = 10.0
) -> tuple[dict[str, int], list[str]]:
    """How many inputs of each format were read, and what was found, each with how to see it again."""
    looked = dict.fromkeys(names, 0)
    found: list[str] = []
    for name in names if minutes else []:
        end, first = time.monotonic() + 60 * minutes, 0
        while time.monotonic() < end and first < count and len(found) < 100:
            left = end - time.monotonic()
            given = [name, f"--seed={seed}", f"--first={first}", f"--count={count - first}", f"--minutes={left / 60}"]
            for _, number, problem in _lines(given, left + 60):
                first = number + 1
                if problem is not None:
                    found.append(f"python -m tests.fuzz_formats {name} --seed {seed} --number {number}\n{problem}")
            looked[name] = first
            if first == 0:
                break
    return looked, found


def _show(name: str, seed: int, number: int) -> None:
    """One input, and what becomes of it."""
    data, _ = made(name, seed, number)
    sys.stdout.write(data.decode("utf-8", "backslashreplace") + "\n---- what becomes of it\n")
    command = [name, f"--seed={seed}", f"--first={number}", "--count=1"]
    found = [problem for _, _, problem in _lines(command, 10 * SECONDS) if problem is not None]
    print(*(found or ["fine, or an error that a person can read"]), sep="\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=10**9)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.names or list(FORMATS)
    if not set(names) <= set(FORMATS):
        parser.error(f"take of {', '.join(FORMATS)}")
    if given.number is not None:
        _show(names[0], given.seed, given.number)
    elif given.work:
        _work(names, given.seed, given.first, given.count, 60 * given.minutes)
    else:
        looked, found = fuzz(names, seed=given.seed, count=given.count, minutes=given.minutes)
        print(*found, sep="\n\n")
        print(", ".join(f"{name}: {count} inputs" for name, count in looked.items()), f"- {len(found)} found")
        sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
