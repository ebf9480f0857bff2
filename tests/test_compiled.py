"""The compiled build: asked for by a variable, refused in words where it cannot be, and the same bytes as the plain one."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import rtsched
import rtsched.engine.core
from rtsched.build import build

ROOT = Path(__file__).parents[1]

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


needs_hatchling = pytest.mark.skipif(find_spec("hatchling") is None, reason="the build back-end is not installed here")


def built(folder: Path, editable: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    """Build a wheel of this repository into `folder`, as pip would once what it needs is there."""
    what = "build_editable" if editable else "build_wheel"
    command = [
        sys.executable,
        "-c",
        f"import sys; from hatchling.build import {what}; {what}(sys.argv[1])",
        str(folder),
    ]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)


@needs_hatchling
def test_without_the_variable_nothing_is_compiled_and_nothing_needed(tmp_path: Path) -> None:
    needs = "import os; from hatchling.build import *; print(get_requires_for_build_wheel())"
    for value, names in (("0", []), ("1", ["mypy[mypyc]", "setuptools", "simpy", "numpy", "pydantic"])):
        environment = {**os.environ, "RTSCHED_COMPILE": value}
        command = [sys.executable, "-c", needs]
        shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
        assert all(name in shown for name in names)
        assert shown.count(">=") == len(names)
    done = built(tmp_path, RTSCHED_COMPILE="")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"rtsched-{rtsched.__version__}-py3-none-any.whl"]


@needs_hatchling
@pytest.mark.parametrize(
    ("editable", "variables", "message"),
    [
        (False, {"CC": "no-such-compiler"}, "there is no C compiler here; install one, with Python's headers"),
        (True, {}, "an editable install runs the sources as they are"),
        (False, {"RTSCHED_COMPILE": "yes"}, "RTSCHED_COMPILE=yes: write 1 to compile the engine, or 0"),
    ],
)
def test_what_cannot_be_compiled_is_refused_in_words(
    editable: bool, variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = built(tmp_path, editable, **{"RTSCHED_COMPILE": "1", **variables})
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@needs_hatchling
def test_the_source_distribution_has_what_compiling_needs(tmp_path: Path) -> None:
    from hatch_build import modules

    make = "import sys; from hatchling.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.iterdir()
    with tarfile.open(made) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"hatch_build.py", "pyproject.toml", *modules(ROOT)} <= names
    assert {"rtsched/engine/core.py", "rtsched/engine/gpu/gpu.py", "rtsched/schedulers/ready_queues.py"} <= {
        *modules(ROOT)
    }


@needs_hatchling
def test_nothing_is_compiled_that_mypyc_takes_for_something_else() -> None:
    """To it a cached property is one that is worked out each time, and a generator expression a list: of no end, too."""
    from hatch_build import modules

    for name in modules(ROOT):
        text = (ROOT / name).read_text()
        assert "cached_property" not in text, name
        nodes = list(ast.walk(ast.parse(text)))
        eaten = {each for node in nodes if isinstance(node, ast.Call) for each in node.args}
        eaten |= {node.value for node in nodes if isinstance(node, ast.Starred)}
        assert eaten.issuperset(node for node in nodes if isinstance(node, ast.GeneratorExp)), name


def test_the_build_says_which_it_is() -> None:
    compiled = not str(rtsched.engine.core.__file__).endswith(".py")
    assert rtsched.is_compiled() is compiled
    assert build() == ("compiled by mypyc" if compiled else "interpreted")
    shown = subprocess.run([sys.executable, "-m", "rtsched.cli", "--version"], cwd="/", capture_output=True, text=True)
    assert shown.stdout == f"rtsched, version {rtsched.__version__} ({build()})\n"


@pytest.mark.slow
@pytest.mark.skipif(rtsched.is_compiled(), reason="compares the sources with what is compiled of them")
@needs_hatchling
def test_the_compiled_engine_gives_the_same_bytes(tmp_path: Path) -> None:
    """About five minutes: two to translate and compile, the rest to run every workload twice under ten policies."""
    pytest.importorskip("mypyc", reason="mypyc comes with the extra 'compile'")
    from hatch_build import compile_in, compiler

    if compiler() is None:
        pytest.skip("there is no C compiler here")
    for name in ("rtsched", "platforms", "workloads", "networks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    compile_in(tmp_path)
    plain, compiled = printed(ROOT), printed(tmp_path)
    assert plain[0].endswith(".py")
    assert not compiled[0].endswith(".py")
    assert compiled[1:] == plain[1:]
    assert sum(len(line.split()[-1]) == 64 for line in plain) > 100
