"""The catalogue is found from an editable install, from a wheel, and through RTSCHED_PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.model import catalogue

REPOSITORY = Path(__file__).parents[1]


def run(python: Path | str, *arguments: str, **variables: str) -> str:
    """Output of ``rtsched`` under an interpreter, away from the repository."""
    environment = {**os.environ, "PYTHONPATH": "", **variables}
    command = [str(python), "-m", "rtsched.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this repository, unpacked."""
    pytest.importorskip("hatchling", reason="the build back-end is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    with zipfile.ZipFile(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_carries_the_catalogue(wheel: Path) -> None:
    shipped = sorted(path.stem for path in (wheel / "rtsched" / "workloads").glob("*.yaml"))
    assert shipped == sorted(path.stem for path in (REPOSITORY / "workloads").glob("*.yaml"))
    assert (wheel / "rtsched" / "platforms" / "latency.csv").is_file()
    assert (wheel / "rtsched" / "platforms" / "NOTICE.md").is_file()
    assert (wheel / "rtsched" / "py.typed").is_file()
    assets = {path.name for path in (REPOSITORY / "rtsched" / "page" / "assets").iterdir()}
    assert {path.name for path in (wheel / "rtsched" / "page" / "assets").iterdir()} == assets


def test_a_wheel_runs_the_main_job(wheel: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import rtsched; print(rtsched.__file__)"],
        env={**os.environ, "PYTHONPATH": str(wheel)}, cwd="/", capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert where.stdout.startswith(str(wheel))
    figures = json.loads(run(sys.executable, "run", "drone_xavier_nx", "--json", PYTHONPATH=str(wheel)))
    assert figures["jobs"] == 1404


def test_the_repository_beside_the_package_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What an editable install looks like: rtsched/ without data inside, platforms/ and workloads/ beside it."""
    package = tmp_path / "rtsched"
    package.mkdir()
    for kind in catalogue.KINDS:
        (tmp_path / kind).symlink_to(REPOSITORY / kind)
    monkeypatch.setattr(catalogue.resources, "files", lambda name: package)
    monkeypatch.delenv("RTSCHED_PATH", raising=False)
    assert catalogue.folders("workloads") == [tmp_path / "workloads"]
    assert "drone_xavier_nx" in catalogue.names("workloads")


def test_this_installation_finds_it() -> None:
    assert "rk3588" in json.loads(run(sys.executable, "list", "platforms", "--json"))["platforms"]


def test_own_folders_come_first(tmp_path: Path) -> None:
    (tmp_path / "platforms").mkdir()
    (tmp_path / "workloads").mkdir()
    (tmp_path / "platforms" / "toy.yaml").write_text("processors: {cpu: {cores: 2}, npu: {kind: npu}}\n")
    (tmp_path / "platforms" / "uniprocessor.yaml").write_text("title: mine\nprocessors: {cpu: {}}\n")
    (tmp_path / "platforms" / "latency.csv").write_text(
        "platform,network,input,processor,threads,precision,runtime,latency_ms,status,source\n"
        "toy,tinynet,,npu,,,,2.5,measured,mine\n"
    )
    (tmp_path / "workloads" / "mine.yaml").write_text(
        "platform: toy\ntasks: [{name: a, network: tinynet, period: 10 ms}]\n"
    )
    path = os.pathsep.join([str(tmp_path / "nowhere"), str(tmp_path)])
    figures = json.loads(run(sys.executable, "run", "mine", "--json", RTSCHED_PATH=path))
    assert figures["tasks"][0]["response"]["max"] == 2_500_000
    assert "mine" in run(sys.executable, "show", "uniprocessor", RTSCHED_PATH=path)
    assert "rk3588" in run(sys.executable, "list", "platforms", RTSCHED_PATH=path)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("many,,,2.5,measured,mine,,", "threads: 'many' is no number of threads"),
        ("1,,,2.5,measured,mine,often,", "max_ms: 'often' is not a number; write milliseconds"),
        ("1,,,2.5,measured,mine,,-3", "energy_mj: must be positive"),
    ],
)
def test_figures_of_a_latency_table_are_numbers(
    cells: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platforms").mkdir()
    header = ",".join((*catalogue.LATENCY_COLUMNS, "max_ms", "energy_mj"))
    (tmp_path / "platforms" / "latency.csv").write_text(f"{header}\nrk3588,tinynet,,big,{cells}\n")
    monkeypatch.setenv("RTSCHED_PATH", str(tmp_path))
    with pytest.raises(InputError, match=f"latency\\.csv:2: {message}"):
        catalogue.latency_table()


def test_platforms_take_parameters_and_have_aliases() -> None:
    assert catalogue.load_platform("multicore:4").processors["cpu"].cores == 4
    assert catalogue.load_platform("multicore:m=3").processors["cpu"].cores == 3
    assert catalogue.load_platform("multicore").processors["cpu"].cores == 2
    assert catalogue.load_platform("jetson_agx_orin").name == "jetson_agx_orin_64"
    for wrong, message in {
        "multicore:n=4": "no parameter is called 'n'; known: m",
        "uniprocessor:4": "write 4=VALUE",
        "multicore:zero": "must be a whole number",
        "multicore:0": "must be greater than or equal to 1",
        "no_such_chip": "no platform is called 'no_such_chip'",
        "../secrets": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message.replace("(", r"\(")):
            catalogue.load_platform(wrong)


def test_versions_agree() -> None:
    from importlib.metadata import version

    assert version("rtsched") == rtsched.__version__
