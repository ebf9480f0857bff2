"""The catalogue: three ways of finding a file, aliases, parameters, and tables of latencies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

import rtsched
from rtsched.errors import InputError
from rtsched.model import catalogue

MS = 1_000_000

DUAL = """\
parameters: {m: 2, speed: 1}
title: Test chip
aliases: [twin, the-twin]
processors:
  cpu: {cores: m, speed: speed}
"""
SYSTEM = "platform: dual\ntasks: [{name: a, wcet: 1 ms, period: 5 ms}]\n"
HEADER = (
    "platform,network,input,processor,threads,precision,runtime,latency_ms,"
    "p50_ms,p99_ms,p99_9_ms,max_ms,energy_mj,memory_mb,status,source\n"
)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own on RTSCHED_PATH, behind one that does not exist."""
    root = tmp_path / "mine"
    (root / "platforms").mkdir(parents=True)
    (root / "workloads").mkdir()
    (root / "platforms" / "dual.yaml").write_text(DUAL)
    (root / "workloads" / "small.yaml").write_text(SYSTEM)
    monkeypatch.setenv("RTSCHED_PATH", os.pathsep.join([str(tmp_path / "nowhere"), str(root)]))
    return root


def problem(reference: str, base: Path | None = None) -> str:
    """Why a platform cannot be loaded."""
    with pytest.raises(InputError) as caught:
        catalogue.load_platform(reference, base)
    return str(caught.value)


# ---- finding ---------------------------------------------------------------------------------------------------------


def test_own_folders_are_found_and_come_first(mine: Path) -> None:
    assert catalogue.find("platforms", "dual") == mine / "platforms" / "dual.yaml"
    assert {"dual", "uniprocessor"} <= set(catalogue.names("platforms"))
    assert catalogue.names("platforms") == sorted(catalogue.names("platforms"))
    (mine / "platforms" / "uniprocessor.yaml").write_text("processors: {dsp: {kind: dsp}}\n")
    assert list(catalogue.load_platform("uniprocessor").processors) == ["dsp"]


def found_by(parent: Path) -> list[str]:
    """The platforms that a copy of rtsched under `parent` finds by itself, in a process of its own."""
    code = "from rtsched.model import catalogue as c; print(*c.names('platforms'), c.load_platform('probe').name)"
    environment = {key: value for key, value in os.environ.items() if key != "RTSCHED_PATH"}
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**environment, "PYTHONPATH": str(parent)},
        cwd=parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.split()


def copy_of_rtsched(parent: Path) -> Path:
    """The package without its catalogue, as an installer would put it there."""
    source = Path(rtsched.__file__).parent
    shutil.copytree(source, parent / "rtsched", ignore=shutil.ignore_patterns("__pycache__", "platforms", "workloads"))
    return parent / "rtsched"


def test_a_wheel_carries_its_catalogue_inside_the_package(tmp_path: Path) -> None:
    package = copy_of_rtsched(tmp_path / "site")
    (package / "platforms").mkdir()
    (package / "platforms" / "probe.yaml").write_text("processors: {cpu: {}}\n")
    (package.parent / "platforms").mkdir()  # another project's folder beside it
    (package.parent / "platforms" / "stranger.yaml").write_text("a: 1\n")
    assert found_by(package.parent) == ["probe", "probe"]


def test_a_checkout_has_its_catalogue_beside_the_package(tmp_path: Path) -> None:
    package = copy_of_rtsched(tmp_path / "checkout")
    (package.parent / "platforms").mkdir()
    (package.parent / "platforms" / "probe.yaml").write_text("processors: {cpu: {}}\n")
    assert found_by(package.parent) == ["probe", "probe"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../mine/platforms/dual", "a/b", "a\\b", "a\0b", "x" * 300, "-x", "a\nb"]
)
@pytest.mark.usefixtures("mine")
def test_a_name_is_one_plain_word(name: str) -> None:
    with pytest.raises(InputError) as caught:
        catalogue.find("platforms", name)
    assert str(caught.value).startswith("no platform is called '")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.usefixtures("mine")
def test_an_unknown_name_is_answered_with_close_ones() -> None:
    with pytest.raises(InputError, match=r"^no workload is called 'smal'; did you mean small\?$"):
        catalogue.find("workloads", "smal")
    with pytest.raises(InputError, match=r"^no platform is called 'zzzz'; `rtsched list platforms` names them$"):
        catalogue.find("platforms", "zzzz")


# ---- platforms -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("mine")
def test_a_platform_by_name_alias_and_parameters() -> None:
    for reference, cores, speed in [
        ("dual", 2, Fraction(1)),
        ("twin", 2, Fraction(1)),
        ("dual:4", 4, Fraction(1)),
        ("the-twin:4,speed=0.5", 4, Fraction(1, 2)),
        ("dual:speed=1/3", 2, Fraction(1, 3)),
        ("dual:m=3,speed=2", 3, Fraction(2)),
    ]:
        cluster = catalogue.load_platform(reference).processors["cpu"]
        assert (cluster.cores, cluster.speed) == (cores, speed), reference


def test_the_shipped_multicore_takes_its_number_of_cores() -> None:
    assert catalogue.load_platform("multicore").processors["cpu"].cores == 2
    assert catalogue.load_platform("multicore:4").processors["cpu"].cores == 4


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("dual:k=3", "platform 'dual:k=3': no parameter is called 'k'; known: m, speed"),
        ("dual:m=3,4", "platform 'dual:m=3,4': write 4=VALUE (parameters: m, speed)"),
        ("uniprocessor:4", "platform 'uniprocessor:4': write 4=VALUE (parameters: none)"),
        ("dual:m=", "platform 'dual:m=': the parameter 'm' must be a number or a text; write e.g. m=4"),
        ("dual:{a}", "platform 'dual:{a}': the parameter 'm' must be a number or a text; write e.g. m=4"),
        ("tvin", "no platform is called 'tvin'; `rtsched list platforms` names them"),
    ],
)
@pytest.mark.usefixtures("mine")
def test_wrong_parameters(reference: str, message: str) -> None:
    assert problem(reference) == message


def test_a_wrong_value_of_a_parameter_is_placed_in_the_file(mine: Path) -> None:
    path = mine / "platforms" / "dual.yaml"
    assert problem("dual:0") == f"{path}:5:16: processors.cpu.cores: must be greater than or equal to 1 (got 0)"
    path.write_text("parameters: [m]\nprocessors: {cpu: {}}\n")
    assert problem("dual") == f"{path}:1:13: parameters: must be 'name: value' lines; write e.g. m: 2"


def test_aliases_that_are_no_list_match_nothing(mine: Path) -> None:
    (mine / "platforms" / "odd.yaml").write_text("aliases: longword\nprocessors: {cpu: {}}\n")
    assert problem("word").startswith("no platform is called 'word'")


def test_a_path_is_meant_from_the_workload_then_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, cores in (("beside", 3), ("here", 5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "chip.yaml").write_text(f"parameters: {{m: {cores}}}\nprocessors: {{cpu: {{cores: m}}}}\n")
    monkeypatch.chdir(tmp_path / "here")
    beside = tmp_path / "beside"
    assert catalogue.load_platform("chip.yaml", beside).processors["cpu"].cores == 3
    assert catalogue.load_platform("chip.yaml").processors["cpu"].cores == 5
    assert catalogue.load_platform("./chip.yaml:7").processors["cpu"].cores == 7
    assert catalogue.load_platform("../beside/chip.yaml").name == "chip"
    (beside / "chip.yaml").unlink()
    assert catalogue.load_platform("chip.yaml", beside).processors["cpu"].cores == 5
    assert problem("none.yaml", beside) == (
        f"{beside / 'none.yaml'}: cannot be read: No such file or directory; check the path"
    )


# ---- workloads -------------------------------------------------------------------------------------------------------


def test_a_system_by_name_and_by_path(mine: Path) -> None:
    system, document, path = catalogue.load_system("small")
    assert (system.name, system.platform, system.tasks[0].period) == ("small", "dual", 5 * MS)
    assert path == mine / "workloads" / "small.yaml"
    assert document.where(("platform",)) == f"{path}:1:11"
    again, _, _ = catalogue.load_system(str(path), ["tasks.a.period=7 ms"])
    assert again.tasks[0].period == 7 * MS


def test_a_platform_that_is_written_anew_is_read_anew(mine: Path) -> None:
    """Also within one tick of the clock and at the same length; who changes what was read changes it for nobody else."""
    path = mine / "platforms" / "dual.yaml"
    for cores in (3, 5, 3):
        path.write_text(DUAL.replace("m: 2", f"m: {cores}"))
        assert catalogue.load_platform("dual").processors["cpu"].cores == cores
        assert catalogue.load_platform("twin").processors["cpu"].cores == cores
    catalogue.load_platform("dual").processors.clear()
    assert catalogue.load_platform("dual").processors["cpu"].cores == 3
    path.write_text(DUAL.replace("twin", "pair"))
    assert catalogue.load_platform("pair") == catalogue.load_platform("dual")
    with pytest.raises(InputError, match="no platform is called 'twin'"):
        catalogue.load_platform("twin")


# ---- latencies -------------------------------------------------------------------------------------------------------


def test_own_latencies_come_before_the_shipped_ones(mine: Path) -> None:
    shipped = catalogue.latency_table()
    (mine / "platforms" / "latency.csv").write_text(HEADER + 'dual,net,"3,4",cpu,1,fp32,mine,4.5,,,,,,,measured,me\n')
    rows = catalogue.latency_table()
    assert rows[1:] == shipped
    assert rows[0]["input"] == "3,4"
    assert rows[0]["latency_ms"] == "4.5"
    assert rows[0]["p99_ms"] == ""
    assert len(shipped) > 100
    (mine / "platforms" / "latency.csv").write_text(HEADER + 'dual,net,"3,4",cpu,1,fp32,mine,5.5,,,,,,,measured,me\n')
    assert catalogue.latency_table()[0]["latency_ms"] == "5.5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1:1: column 'platform' is missing; add it"),
        ("platform,network\n", ":1:1: column 'input' is missing; add it"),
        (
            HEADER + "d,n,,cpu,1,,r,fast,,,,,,,m,s\n",
            ":2: latency_ms: 'fast' is not a number; write milliseconds, e.g. 4.2",
        ),
        (HEADER + "d,n,,cpu,1,,r,0,,,,,,,m,s\n", ":2: latency_ms: must be positive (got '0')"),
        (HEADER + "d,n\n", ":2: latency_ms: '' is not a number; write milliseconds, e.g. 4.2"),
        (HEADER + "," * 16 + "\n", ":2: more cells than columns; put text with commas in double quotes"),
        (HEADER + '"open\n', ":2: cannot be read as CSV: unexpected end of data; check its quotes"),
        (HEADER + "x" * 200_000, ":2: cannot be read as CSV: field larger than field limit (131072); check its quotes"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(mine: Path, text: str, message: str) -> None:
    path = mine / "platforms" / "latency.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        catalogue.latency_table()
    assert str(caught.value) == f"{path}{message}"


def test_a_table_that_is_not_text_is_refused(mine: Path) -> None:
    path = mine / "platforms" / "latency.csv"
    path.write_bytes(HEADER.encode() + b"caf\xe9,")
    with pytest.raises(InputError, match=r"latency.csv:2:4: is not UTF-8 text"):
        catalogue.latency_table()
