"""The engine compiled by mypyc: everything in it says its true type, and gives the same bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Views make classes while the program runs, which cannot be compiled; all else of the engine is, and the ready queues.
NOT_COMPILED = {"__init__.py", "veil.py", "views.py"}
QUEUES = ["rtsched/schedulers/general_queues.py", "rtsched/schedulers/ready_queues.py"]

#: Prints where the engine comes from, then one line per run: the workload, the policy, and a digest of its trace.
RUNS = """
import dataclasses, hashlib, resource
from pathlib import Path
import numpy as np
import rtsched
import rtsched.engine.core

resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # a loop without end must not take the machine with it


class Latest(rtsched.Ordering):  # somebody else's, who sees views
    def key(self, segment):
        return (-segment.job.deadline, segment.job.number)


class Greedy(rtsched.Scheduler):  # likewise
    def dispatch(self):
        for segment in self.soc.ready:
            for processor in self.soc.processors:
                if processor.segment is None and self.soc.expected(segment, processor) and self.soc.available(processor):
                    self.soc.start(segment.job, segment, processor)
                    break


POLICIES = {name: lambda name=name: name for name in (
    "edf", "rm+first-fit", "llf", "edf+earliest-finish", "edf+early-exit", "band-sel", "cbs"
)}
POLICIES |= {"own": lambda: None, "latest": lambda: rtsched.ComposedScheduler(Latest()), "greedy": Greedy}
print(rtsched.engine.core.__file__)
for path in sorted((Path(rtsched.__file__).parents[1] / "workloads").glob("*.yaml")):
    workload = path.stem
    for policy, make in POLICIES.items():
        try:
            trace = rtsched.simulate(workload, scheduler=make(), seed=3, until="200 ms")
        except rtsched.RtschedError as error:  # a policy that does not fit
            print(workload, policy, error)
            continue
        digest = hashlib.sha256()
        for field in dataclasses.fields(trace):
            value = getattr(trace, field.name)
            if isinstance(value, np.ndarray):
                digest.update(value.tobytes())
        print(workload, policy, len(trace.slices), digest.hexdigest())
"""


def printed(folder: Path) -> list[str]:
    """What RUNS prints with the package in `folder`."""
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(folder)!r})\n{RUNS}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None and shutil.which("gcc") is None, reason="there is no C compiler here")
def test_the_compiled_engine_gives_the_same_bytes(tmp_path: Path) -> None:
    """About five minutes: two to translate and compile, the rest to run every workload twice under ten policies."""
    pytest.importorskip("mypyc", reason="mypyc comes with the extra 'dev'")
    for name in ("rtsched", "platforms", "workloads", "networks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    modules = sorted((tmp_path / "rtsched" / "engine").rglob("*.py"))
    chosen = [str(path.relative_to(tmp_path)) for path in modules if path.name not in NOT_COMPILED]
    made = subprocess.run(
        [sys.executable, "-m", "mypyc", *chosen, *QUEUES], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    plain, compiled = printed(ROOT), printed(tmp_path)
    assert plain[0].endswith(".py")
    assert not compiled[0].endswith(".py")
    assert compiled[1:] == plain[1:]
    assert sum(len(line.split()[-1]) == 64 for line in plain) > 100
