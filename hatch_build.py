"""The optional compiled build: `RTSCHED_COMPILE=1 pip install .` compiles the engine by mypyc.

The sources stay beside what is compiled of them, so that tracebacks, fingerprints and readers find them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "RTSCHED_COMPILE"

#: What is compiled: the engine, and the queues that dispatch. Views make classes while the program runs, which cannot
#: be; policies and their bases are not, since anybody may extend them.
FOLDERS = ("rtsched/engine",)
MODULES = ("rtsched/schedulers/general_queues.py", "rtsched/schedulers/ready_queues.py")
INTERPRETED = {"__init__.py", "veil.py", "views.py"}

#: Whose types the engine rests upon: they must be there when it is compiled. Those of others matter to nothing there.
TYPED = {"numpy", "pydantic", "simpy"}
TRANSLATE = """
import sys
from mypyc.build import mypycify
from setuptools import setup

flags = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]
modules, sys.argv[1:] = sys.argv[1:], ["-q", "build_ext", "--inplace"]
made = mypycify(flags + modules, group_name="rtsched", opt_level=%r, debug_level="0")
setup(name="rtsched", py_modules=[], ext_modules=made)
"""


def modules(root: Path) -> list[str]:
    """The files of the modules that are compiled, relative to the root of the project."""
    found = (path for folder in FOLDERS for path in (root / folder).rglob("*.py") if path.name not in INTERPRETED)
    return sorted([path.relative_to(root).as_posix() for path in found] + list(MODULES))


def compile_in(folder: Path) -> list[Path]:
    """Compile the package that lies in `folder`, and say what came of it. Raises RuntimeError if that fails."""
    level = os.environ.get("MYPYC_OPT_LEVEL", "3")  # as mypyc's own command has it
    command = [sys.executable, "-c", TRANSLATE % level, *modules(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    endings = tuple(sysconfig.get_config_vars("EXT_SUFFIX"))
    return sorted(path for path in folder.rglob("*") if path.name.endswith(endings) and "build" not in path.parts)


def compiler() -> str | None:
    """The C compiler that Python's own tools would call, if it is there."""
    named = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return "msvc" if os.name == "nt" else shutil.which(shlex.split(named)[0])


class CompiledBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Adds compiled modules to the wheel where the environment asks for them."""

    def asked(self) -> bool:
        """Whether a compiled build is wanted."""
        value = os.environ.get(VARIABLE, "0")
        if value not in ("", "0", "1"):
            self.app.abort(f"{VARIABLE}={value}: write 1 to compile the engine, or 0 (as without it) not to")
        return value == "1"

    def dependencies(self) -> list[str]:
        """What building needs beside hatchling: nothing, unless it compiles."""
        if not self.asked():
            return []
        core = self.metadata.core
        return [
            *core.optional_dependencies["compile"],
            *(need for need in core.dependencies if re.split(r"\W", need)[0] in TYPED),
        ]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile a copy of the package, and let the wheel have what came of it."""
        self.folder: Path | None = None
        if not self.asked():
            return
        if version == "editable":
            self.app.abort(
                f"{VARIABLE}=1: an editable install runs the sources as they are, which are not compiled; "
                f"install without -e, or without {VARIABLE}"
            )
        if compiler() is None:
            self.app.abort(
                f"{VARIABLE}=1: there is no C compiler here; install one, with Python's headers (Debian: apt install "
                f"gcc python3-dev; macOS: xcode-select --install), or install without {VARIABLE}: same results, slower"
            )
        self.folder = Path(tempfile.mkdtemp(prefix="rtsched-"))
        shutil.copytree(
            Path(self.root) / "rtsched",
            self.folder / "rtsched",
            ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd"),
        )
        try:
            made = compile_in(self.folder)
        except RuntimeError as error:
            self.app.abort(
                f"{error}\n{VARIABLE}=1: compiling failed (see above); without {VARIABLE} nothing is compiled"
            )
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {str(path): path.relative_to(self.folder).as_posix() for path in made}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind."""
        if self.folder is not None:
            shutil.rmtree(self.folder)
