"""What commands write: to the standard output, to devices and links, on full disks."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rtsched import files
from rtsched.errors import InputError
from rtsched.model.taskgraph import SystemSpec
from tests import forked
from tests.cli.command import ended
from tests.helpers import cpus, task
from tests.pdf import needs_weasyprint

STARTS = {"html": b"<!DOCTYPE html>", "pdf": b"%PDF", "md": b"# Schedulability", "json": b"{"}


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=needs_weasyprint if form == "pdf" else ()) for form in STARTS]
)
def test_a_report_goes_to_standard_output(form: str) -> None:
    result = ended("report", "lehoczky", "-o", "-", "--format", form, "--runs", "1")
    assert result.exit_code == 0
    assert result.stdout_bytes.startswith(STARTS[form])
    assert b"report written" not in result.stdout_bytes
    assert "lehoczky: schedulable for declared bounds; report written to -" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["run", "dhall", "--gantt", "-"], b"\x89PNG"),
        (["show", "rk3588", "--png", "-"], b"\x89PNG"),
        (["compare", "dhall", "-s", "edf", "--seeds", "1", "-j", "1", "--plot", "-"], b"\x89PNG"),
        (["compare", "dhall", "-s", "edf", "--seeds", "1", "-j", "1", "--csv", "-"], b"policy,seed,"),
        (["analyse", "dhall", "--counterexample", "-", "--runs", "1"], b"name: dhall_miss\n"),
    ],
)
def test_every_output_can_be_standard_output(arguments: list[str], start: bytes) -> None:
    result = ended(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout_bytes.startswith(start)
    assert "dhall" in result.stderr or "rk3588" in result.stderr
    twice = ended(*arguments, "--json")
    assert (twice.exit_code, twice.stderr.count("only one thing can go there")) == (2, 1)


def test_several_tables_need_a_folder(here: Path) -> None:
    result = ended("run", "dhall", "--csv", "-")
    assert result.exit_code == 2
    assert list(here.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"])
def test_standard_output_by_another_name(name: str, here: Path) -> None:
    with open("out", "wb") as stream:
        stream.write(b"before\n")
        stream.flush()
        done = forked.command("report", "lehoczky", "-o", name, "--format", "md", "--runs", "1", out=stream.fileno())
    assert done.returncode == 0, done.stderr
    assert (here / "out").read_bytes().startswith(b"before\n# Schedulability report: lehoczky\n")
    assert "report written" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_devices_and_pipes_are_written_and_stay(here: Path) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    files.write_whole(Path("pipe"), "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    files.write_whole(Path(os.devnull), b"x" * 100)
    if Path("/dev/full").exists():
        with pytest.raises(InputError, match="/dev/full: cannot be written: No space left on device"):
            files.write_whole(Path("/dev/full"), "x")


@pytest.mark.skipif(os.name == "nt", reason="links and modes of POSIX")
def test_links_stay_and_permissions_are_kept(here: Path) -> None:
    (here / "there").mkdir()
    target = here / "there" / "target"
    target.write_text("old")
    target.chmod(0o640)
    (here / "link").symlink_to("there/target")
    (here / "dangling").symlink_to("there/new")
    files.write_whole(Path("link"), "new")
    files.write_whole(Path("dangling"), "made")
    assert ((here / "link").is_symlink(), (here / "dangling").is_symlink()) == (True, True)
    assert (target.read_text(), (here / "there" / "new").read_text()) == ("new", "made")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    (here / "circle").symlink_to("circle")
    for name in ("circle", "there", "nowhere/x", "x" * 300, "nul\0"):
        with pytest.raises(InputError, match=r"cannot be written: .*; choose another place"):
            files.write_whole(Path(name), "x")


WRITERS: dict[str, list[str]] = {
    "x.md": ["report", "dhall", "-o", "x.md", "--runs", "1"],
    "x.json": ["report", "dhall", "-o", "x.json", "--runs", "1"],
    "x.png": ["run", "dhall", "--gantt", "x.png"],
    "jobs.csv": ["run", "dhall", "--csv", "."],
    "p.svg": ["show", "rk3588", "--png", "p.svg"],
    "c.csv": ["compare", "dhall", "-s", "edf", "--seeds", "1", "-j", "1", "--csv", "c.csv"],
    "f.png": ["compare", "dhall", "-s", "edf", "--seeds", "1", "-j", "1", "--plot", "f.png"],
    "miss.yaml": ["analyse", "dhall", "--runs", "1", "--counterexample", "miss.yaml"],
    "s.yaml": ["import", "their.json", "-o", "s.yaml"],
}
THEIRS = '{"tasks": {"a": {"loop": -1, "run": 1000, "timer": {"ref": "x", "period": 5000}}}}'


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_what_cannot_be_written_is_told_and_leaves_the_old_file(
    name: str, fault: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "their.json").write_text(THEIRS)
    (here / name).write_text("old")
    number = {"full": errno.ENOSPC, "read-only": errno.EROFS}[fault]

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    where = "os.replace" if fault == "full" else "tempfile.mkstemp"
    monkeypatch.setattr(where, refuse)
    result = ended(*WRITERS[name])
    assert result.exit_code == 2, result.output
    assert f"cannot be written: {os.strerror(number)}; choose another place" in result.stderr.strip().split("\n")[-1]
    monkeypatch.undo()
    assert (here / name).read_text() == "old"
    assert sorted(path.name for path in here.iterdir()) == sorted(["their.json", name])


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "dhall", "--gantt"],
        ["analyse", "dhall", "--counterexample"],
        ["report", "dhall", "-o"],
        ["compare", "dhall", "-s", "edf", "--plot"],
        ["compare", "dhall", "-s", "edf", "--csv"],
        ["profile", "x.onnx", "--nodes"],
    ],
)
def test_outputs_are_refused_before_the_work(arguments: list[str], here: Path) -> None:
    name = "nowhere/x.pdf"
    assert ended(*arguments, name).stderr == f"{name}: there is no such folder; make it first\n"


def test_a_violation_is_told_where_its_file_cannot_be_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtsched.verify import fuzz
    from rtsched.verify.examine import Violation

    violation = Violation("rta", "bound", "a", 1, 2, "as declared", "a took 2 ns")
    broken = fuzz.Found(1, 2, violation, SystemSpec(cpus(), (task(0, 1, 5),)), {"ordering": "edf"})
    monkeypatch.setattr(fuzz, "fuzz", lambda **_: fuzz.Campaign(0, systems=1, found=[broken]))
    (here / "file").write_text("")
    result = ended("fuzz-soundness", "--systems", "1", "--output", "file/folder")
    assert result.exit_code == 2
    assert "replay: not written" in result.stdout
    assert "file/folder: cannot be made: " in result.stderr


def test_a_file_that_outgrows_its_limit_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python would cut what it compiles, and read it later
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        done = ended("report", "lehoczky", "-o", "x.html", "--runs", "1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.exit_code == 2
    assert done.stderr.strip() == "x.html: cannot be written: File too large; choose another place"
    assert list(here.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of POSIX")
def test_who_is_killed_while_writing_leaves_the_old_file_and_a_name_that_says_so(here: Path) -> None:
    (here / "report.html").write_text("old")
    child = os.fork()
    if not child:
        os.replace = lambda *_: time.sleep(60)  # type: ignore[assignment]
        files.write_whole(Path("report.html"), "new")
        os._exit(1)
    while not (left := [path for path in here.iterdir() if path.name.endswith(files.UNFINISHED)]):
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert (here / "report.html").read_text() == "old"
    assert left[0].name.startswith(".report.html.")
