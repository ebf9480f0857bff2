"""`pytest -m corpus --corpus DIR` runs the corpus adapters on another directory."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from rtsched.build import build
from tests.compiled import refuse_another_build, skip_what_patches_it
from tests.corpus.discovery import Found, discover

DATA = Path(__file__).parent / "data"
_FOUND = pytest.StashKey[Found]()

# A busy machine is no failure, and the same commit has the same tests. `--hypothesis-profile=explore` draws others.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("same")


# The option itself is registered by rtsched.pytest_plugin, which says why.


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "corpus: answers found without rtsched, one test a record")
    config.addinivalue_line("markers", "slow: soak and fuzz runs")
    os.environ.pop("COLUMNS", None)  # texts have their full width, however wide the terminal of these tests is
    refuse_another_build()
    skip_what_patches_it()
    folder = config.getoption("--corpus")
    if folder is not None and not Path(folder).is_dir():
        raise pytest.UsageError(f"--corpus {folder}: no such folder")
    config.stash[_FOUND] = discover(Path(folder) if folder is not None else DATA)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is gathered stays to the end: the collector looks through it neither now nor in any test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines = [f"rtsched: {build()}"]
    later = config.stash[_FOUND].later
    if later:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(later.items()))
        lines.append(f"corpus records not collected: {kinds}")
    return lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = metafunc.config.stash[_FOUND]
    if "corpus_record" in metafunc.fixturenames:
        ids = [f"{kind}-{name}" for kind, name, _ in found.records]
        metafunc.parametrize("corpus_record", found.records, ids=ids)
    if "recorded_run" in metafunc.fixturenames:
        metafunc.parametrize("recorded_run", found.runs, ids=[name for name, _, _ in found.runs])


@pytest.fixture
def recorded_runs(request: pytest.FixtureRequest) -> list[tuple[str, Path, Path | str]]:
    """All recorded runs that were found."""
    return request.config.stash[_FOUND].runs
