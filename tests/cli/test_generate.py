"""`rtsched generate`: random systems as files."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import rtsched
from rtsched.cli import cli
from rtsched.generate import draw
from rtsched.model.config import parse_yaml, validate
from rtsched.model.system import System


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["generate", *map(str, words)], standalone_mode=False, catch_exceptions=True)


def refused(*words: object) -> str:
    result = run(*words)
    assert isinstance(result.exception, rtsched.InputError), result.output
    return str(result.exception)


def test_one_system_is_printed_as_a_system_file() -> None:
    printed = run("--tasks", 4, "--utilisation", 0.5, "--seed", 3, "--index", 2).stdout
    assert validate(System, parse_yaml(printed)) == System.model_validate(
        draw({"tasks": 4, "utilisation": 0.5}, seed=3, index=2)
    )
    assert run("--tasks", 4, "--utilisation", 0.5, "--seed", 3, "--index", 2, "-o", "-").stdout == printed


def test_a_policy_that_no_run_would_find_is_not_written() -> None:
    assert refused("--scheduler", "nosuch").startswith("no scheduler is called 'nosuch'")
    assert "os:system" in refused("--scheduler", "os:system")


def test_json_holds_the_mappings_that_python_draws() -> None:
    assert json.loads(run("--json", "--tasks", 3).stdout) == draw({"tasks": 3})
    many = json.loads(run("--json", "--tasks", 3, "--count", 2, "--index", 7).stdout)
    assert many == [draw({"tasks": 3}, index=7), draw({"tasks": 3}, index=8)]


def test_a_folder_gets_a_file_for_each_system_and_the_parameters(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text("name: chip\nprocessors: {big: {cores: 2}, npu: {kind: npu}}\n")
    asked = tmp_path / "random.yaml"
    asked.write_text("platform: chip.yaml\ntasks: {big: 4, npu: 2}\nutilisation: {big: 0.5, npu: 0.3}\n")
    folder = tmp_path / "sets"
    result = run(asked, "--count", 12, "--seed", 5, "-o", folder, "--set", "deadlines=constrained")
    assert result.stdout == f"wrote 12 systems to {folder}\n"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*(f"{number:02d}.yaml" for number in range(12)), "generate.yaml"]
    for path in sorted(folder.glob("[0-9]*.yaml"))[:3]:
        assert rtsched.simulate(path, until="500 ms").check() == []
    again = tmp_path / "elsewhere" / "again"
    assert run(folder / "generate.yaml", "--count", 12, "--seed", 5, "-o", again).exit_code == 0
    assert all((again / name).read_bytes() == (folder / name).read_bytes() for name in names)


def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    assert run("--count", 3, "-o", folder).exit_code == 0
    assert run("--count", 3, "-o", folder).exit_code == 0  # the same names again
    assert "holds something else ('2.yaml'), or other systems; choose an empty folder" in refused(
        "--count", 2, "-o", folder
    )
    own = tmp_path / "mine"
    own.mkdir()
    (own / "0.yaml").write_text("mine")
    assert "holds something else ('0.yaml')" in refused("-o", own)
    assert (own / "0.yaml").read_text() == "mine"


def test_one_system_goes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    assert run("-o", path, "--scheduler", "rm").stdout == f"wrote {path}\n"
    assert rtsched.load(path).system.scheduler == {"name": "rm"}
    assert stat.S_ISREG(path.stat().st_mode)
    assert "is one file for 2 systems; name a folder" in refused("-o", path, "--count", 2)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--count", 2], "--count 2: name a folder for so many systems"),
        (["--json", "-o", "x"], "--json prints what is drawn; leave --output out"),
        (["--tasks", "x"], "--tasks x: tasks: must be a whole number or a mapping (got 'x')"),
        (["--set", "periods.longest=5"], "--set periods.longest=5: periods.longest: a duration needs a unit"),
        (["--set", "task.on_mis=abort"], "task: on_mis: unknown key 'on_mis'; did you mean 'on_miss'?"),
        (["--set", "nosuch=1"], "--set nosuch=1: nosuch: unknown key 'nosuch'"),
        (["--utilisation", "11"], "utilisations: 10 tasks of at most 1 cannot sum to 11; ask for more tasks"),
        (["--platform", "nosuch"], "no platform is called 'nosuch'"),
        (["--periods", "nosuch"], "--periods nosuch: periods.kind: must be one of 'log-uniform'"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(words: list[object], error: str) -> None:
    assert error in refused(*words)


def test_show_says_which_set_a_system_is(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    run("-o", path, "--seed", 4, "--index", 9)
    shown = CliRunner().invoke(cli, ["show", str(path)]).stdout
    assert "generated: set 9 of seed 4; utilisation target 0.7, reached 0.7" in shown
