"""The command line on bad days: hostile inputs, strange consoles, closed pipes, full disks, somebody else's code."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from rtsched import files
from rtsched.cli import COMMANDS, cli, console, ending
from rtsched.errors import InputError, RtschedError, SoundnessError
from rtsched.model.taskgraph import SystemSpec
from rtsched.visible import cell, shown, visible
from tests.helpers import cpus, task

COMMAND = [sys.executable, "-m", "rtsched.cli"]
NAMES = r"""
platform: uniprocessor
tasks:
  - {name: "a\e[31mred\n\u202Eb\u200b\a$x_1", wcet: 1 ms, period: 5 ms}
  - {name: "=cmd()", wcet: 1 ms, period: 5 ms}
  - {name: "-5", wcet: 1 ms, period: 5 ms}
  - {name: "$\\frac{", wcet: 1 ms, period: 5 ms}
"""
SEEN = r"a\x1b[31mred\n\u202eb\u200b\x07$x_1"
EXACT = "a\x1b[31mred\n\u202eb\u200b\a$x_1"


def process(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120} | options
    options["env"] = {**os.environ, **options.get("env", {})}
    return subprocess.run([*COMMAND, *map(str, arguments)], check=False, **options)


def ended(*arguments: Any) -> Result:
    """A command in this process, ended as `main` ends it: exit code and one line instead of exceptions."""

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def main(words: Sequence[str]) -> None:
        raise SystemExit(ending.ended(lambda: cli(list(words), prog_name="rtsched", standalone_mode=False)))

    return CliRunner().invoke(main, ["--", *map(str, arguments)])


def raising(error: BaseException) -> Callable[[], None]:
    """A function of rtsched's that raises."""
    space: dict[str, Any] = {"__name__": "rtsched.cli", "error": error}
    exec("def command(): raise error", space)
    command: Callable[[], None] = space["command"]
    return command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one's own, from which policies are imported, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.fixture
def named(here: Path) -> Path:
    path = here / "named.yaml"
    path.write_text(NAMES)
    return path


# ---- exit codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (InputError("x.yaml:1:1: a"), 2, "x.yaml:1:1: a\n"),
        (InputError("one", "two\x1b"), 2, "one\ntwo\\x1b\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (BrokenPipeError(), 0, ""),
        (SystemExit(1), 1, ""),
        (click.UsageError("no such option"), 2, "Error: no such option\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            2,
            "/x: this machine cannot go on: No space left on device; make room, or run it elsewhere\n",
        ),
        (
            MemoryError(),
            2,
            "there is not enough memory for this; ask for a shorter time, or for less to be kept (run --no-trace)\n",
        ),
        (SoundnessError("a bound is beaten"), 3, "a bound is beaten; both sides saved in "),
        (KeyError("x"), 3, "internal error: KeyError: 'x'; this is rtsched's own bug, not your mistake: please"),
    ],
)
def test_the_exit_code_and_one_line_say_how_a_command_ended(
    raised: BaseException, code: int, line: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending.ended(raising(raised)) == code
    told = capsys.readouterr().err
    if code == 3:
        assert (told.startswith(line), told.count("\n")) == (True, 1)
    else:
        assert told == line


def test_an_internal_error_leaves_its_traceback_in_a_file(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rtsched", "run", "my system"])
    assert ending.ended(raising(RuntimeError("oh"))) == 3
    (saved,) = here.glob("rtsched-error-*.txt")
    assert str(saved) in capsys.readouterr().err
    text = saved.read_text()
    assert "command: rtsched run 'my system'\n" in text
    assert "python: 3" in text
    assert text.rstrip().endswith("RuntimeError: oh")
    assert "in command" in text


def test_what_cannot_be_saved_is_told_all_the_same(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert ending.ended(raising(KeyError("x"))) == 3
    assert "(the traceback not saved: " in capsys.readouterr().err


def test_a_beaten_proof_saves_both_sides(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rtsched
    from rtsched.verify.observation import Observer

    def beaten(self: Observer, task: str, response: int, pattern: Any, trace: Any) -> None:
        raise self._beaten(f"{task!r} took {response} ns", "rta", 1, pattern, trace)

    monkeypatch.setattr(Observer, "_check", beaten)
    assert issubclass(rtsched.SoundnessError, RtschedError)
    result = ended("analyse", "lehoczky", "--runs", "1")
    assert result.exit_code == 3
    (saved,) = here.glob("rtsched-soundness-*.json")
    assert str(saved) in result.stderr
    data = json.loads(saved.read_text())
    assert data["analysis"][0]["verdict"] == "schedulable"
    assert len(data["trace"]["jobs"]["finish"]) > 0
    assert [task["name"] for task in data["system"]["tasks"]] == ["t1", "t2"] or data["system"]["tasks"]


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="signals of POSIX")
def test_an_interruption_ends_with_130_and_one_line(here: Path) -> None:
    (here / "waits.py").write_text(
        "import sys, time\nfrom rtsched import Scheduler\nclass Waits(Scheduler):\n"
        "    def dispatch(self):\n        print('ready', flush=True)\n        time.sleep(60)\n"
    )
    command = [*COMMAND, "analyse", "dhall", "--scheduler", "waits:Waits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        told = running.stderr.read()
        assert (told.startswith(b"interrupted"), told.count(b"\n")) == (True, 1)


# ---- consoles, pipes, devices ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_console_shows_a_table(encoding: str, named: Path) -> None:
    done = process("run", named, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert SEEN in text
    assert ("─────" if encoding == "utf-8" else "-----") in text
    assert done.stderr == b""


def test_a_machine_without_a_locale_reads_and_writes(named: Path) -> None:
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = process("analyse", named, "--runs", "1", env=bare)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert process("show", named, "--json", env=bare).stdout.isascii()


def test_what_an_encoding_lacks_is_written_in_ascii() -> None:
    console.prepare()
    assert "≤ 5 µs – ±2 × 3 → é".encode("ascii", "rtsched") == rb"<= 5 us - +-2 x 3 -> \xe9"
    assert "5 µs – é ≤".encode("cp1252", "rtsched").decode("cp1252") == "5 µs – é <="
    assert "\udcff".encode("utf-8", "rtsched") == rb"\udcff"


def test_help_is_ascii() -> None:
    for words in ([], *([name] for name in COMMANDS)):
        assert CliRunner().invoke(cli, [*words, "--help"]).output.isascii(), words


@pytest.mark.parametrize(
    "arguments", [["list"], ["run", "dhall", "--json"], ["--help"], ["schema"], ["report", "dhall", "-o", "-"]]
)
def test_a_closed_pipe_is_silent(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = process(*arguments, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_the_standard_output_is_told() -> None:
    with open("/dev/full", "wb") as full:
        done = process("list", stdout=full)
    assert done.returncode == 2
    assert done.stderr == (b"standard output: cannot be written: No space left on device; choose another place\n")


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_reason_to_fail(closed: str, here: Path) -> None:
    line = f'"{sys.executable}" -m rtsched.cli run dhall --gantt x.png {closed}'
    assert subprocess.run(["sh", "-c", line], check=False, timeout=60).returncode == 0
    assert (here / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_machine_without_a_home_draws(here: Path) -> None:
    line = [*COMMAND, "run", "dhall", "--gantt", "x.pdf"]
    done = subprocess.run(line, env={"HOME": f"{os.devnull}/none"}, check=False, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert subprocess.run([*COMMAND, "list"], env={}, check=False, capture_output=True, timeout=120).returncode == 0
    assert (here / "x.pdf").read_bytes().startswith(b"%PDF")


# ---- outputs ---------------------------------------------------------------------------------------------------------

STARTS = {"html": b"<!DOCTYPE html>", "pdf": b"%PDF", "md": b"# Schedulability", "json": b"{"}


@pytest.mark.parametrize("form", STARTS)
def test_a_report_goes_to_standard_output(form: str) -> None:
    result = ended("report", "lehoczky", "-o", "-", "--format", form, "--runs", "1")
    assert result.exit_code == 0
    assert result.stdout_bytes.startswith(STARTS[form])
    assert b"report written" not in result.stdout_bytes
    assert "lehoczky: schedulable; report written to -" in result.stderr


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
        done = process("report", "lehoczky", "-o", name, "--format", "md", "--runs", "1", stdout=stream)
    assert done.returncode == 0, done.stderr
    assert (here / "out").read_bytes().startswith(b"before\n# Schedulability report: lehoczky\n")
    assert b"report written" in done.stderr


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
    monkeypatch.setattr(fuzz, "fuzz", lambda **_: fuzz.Report(0, systems=1, found=[broken]))
    (here / "file").write_text("")
    result = ended("fuzz-soundness", "--systems", "1", "--output", "file/folder")
    assert result.exit_code == 2
    assert "replay: not written" in result.stdout
    assert "file/folder: cannot be made: " in result.stderr


def test_a_file_that_outgrows_its_limit_is_told(here: Path) -> None:
    resource = pytest.importorskip("resource")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = process("report", "lehoczky", "-o", "x.html", "--runs", "1", preexec_fn=limit)
    assert done.returncode == 2
    assert done.stderr.strip() == b"x.html: cannot be written: File too large; choose another place"
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


# ---- names -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible(EXACT) == SEEN
    assert visible("a\nb\x1b", lines=True) == "a\nb\\x1b"
    assert visible("Zürich\u00a0→ 東京") == "Zürich\u00a0→ 東京"
    told = str(InputError("x" * 5000 + "; mend it"))
    assert len(told) <= 2000
    assert told.endswith("xx; mend it")
    named = {"a": ("b", ["\x07"]), "c": 1}
    assert shown(named) == {"a": ("b", ["\\x07"]), "c": 1}
    same = {"a": ("b", ["c"])}
    assert shown(same) is same


def test_names_are_shown_escaped_everywhere_but_in_json(named: Path) -> None:
    for words in (
        ["run", named],
        ["analyse", named, "--runs", "1", "--margins", "--parts"],
        ["show", named],
        ["compare", named, "-s", "edf", "--seeds", "1", "-j", "1"],
        ["report", named, "-o", "-", "--format", "md", "--runs", "1"],
        ["report", named, "-o", "-", "--format", "html", "--runs", "1"],
        ["run", named, "--set", "tasks.0.wcet=banana\x1b"],
    ):
        result = ended(*words)
        text = result.output
        assert all(char.isprintable() or char == "\n" for char in text), words
        assert "\n\\u202e" not in text, words
    for form in ("pdf", "html"):
        assert ended("report", named, "-o", f"x.{form}", "--runs", "1").exit_code == 0
    assert ended("run", named, "--gantt", "x.png").stderr == ""
    figures = json.loads(ended("run", named, "--json").stdout)
    assert figures["tasks"][0]["name"] == EXACT
    assert json.loads(ended("analyse", named, "--runs", "1", "--json").stdout)["tasks"][0]["name"] == EXACT


def test_cells_are_never_formulas(named: Path, here: Path) -> None:
    assert [cell(value) for value in ("=1+1", "@x", "+a", "-5", "-1.5e3", "-a", "\tx", -5, "a=b", "")] == [
        "'=1+1", "'@x", "'+a", "-5", "-1.5e3", "'-a", "'\tx", -5, "a=b", "",
    ]  # fmt: skip
    assert ended("run", named, "--csv", "out").exit_code == 0
    text = (here / "out" / "jobs.csv").read_text()
    assert ",'=cmd()," in text
    assert ",-5," in text


# ---- somebody else's code --------------------------------------------------------------------------------------------

POLICIES = """\
from rtsched import Scheduler

class Fine(Scheduler):
    preemption = "nonpreemptive"
    def dispatch(self):
        for segment in self.soc.ready:
            for index in segment.node.eligible:
                if self.soc.processors[index].segment is None:
                    self.soc.start(segment.job, segment, self.soc.processors[index])
                    break

class Without(Scheduler):
    pass

class Async(Fine):
    async def dispatch(self): pass

class Yields(Fine):
    def dispatch(self):
        yield 1

class Listens(Fine):
    async def on_release(self, job): pass

class Wrong(Fine):
    def on_ready(self, job): pass

class Banana(Fine):
    preemption = "banana"

class Init(Fine):
    def __init__(self): raise KeyError("oh")

class Zero(Fine):
    def dispatch(self): 1 / 0

class Leaves(Fine):
    def dispatch(self): raise SystemExit(0)

class Nothing(Fine):
    def dispatch(self): self.soc.start(None, None, None)

number = 3
"""

REFUSED = {
    "sturdy_policies:Without": "has no dispatch; write 'def dispatch(self)'",
    "sturdy_policies:Async": "dispatch is async, and nobody waits for it; write 'def dispatch'",
    "sturdy_policies:Yields": "dispatch has a 'yield', so that calling it does nothing; write it without",
    "sturdy_policies:Listens": "on_release is async, and nobody waits for it; write 'def on_release'",
    "sturdy_policies:Wrong": "on_ready is called with job, segments; write 'def on_ready(self, job, segments)'",
    "sturdy_policies:Banana": "preemption 'banana' is not one of preemptive, limited, nonpreemptive",
    "sturdy_policies:Init": "scheduler 'sturdy_policies:Init': KeyError: 'oh' (",
    "sturdy_policies:Zero": "ZeroDivisionError: division by zero; this is not rtsched's code: mend it there",
    "sturdy_policies:Leaves": "SystemExit: 0; this is not rtsched's code: mend it there",
    "sturdy_policies:Nothing": "this is not rtsched's code: mend it there",
    "sturdy_policies:number": "is a int; name a class",
    "sturdy_syntax:X": "cannot be imported: SyntaxError: ",
    "sturdy_raises:X": "cannot be imported: ZeroDivisionError: division by zero (",
    "sturdy_leaves:X": "cannot be imported: SystemExit: 0 (",
    "sturdy_nul:X": "cannot be imported: SyntaxError: ",
    ".:X": "cannot be imported: ",
    "builtins:dict": "name a class",
    "{name: xrbench, probability: x}": "probability: must be a mapping (found 'x')",
    "{name: xrbench, probability: {a: x}}": "probability: must be a mapping (found {'a': 'x'})",
    "{name: band-heft, window: banana}": "window: must be a whole number (found 'banana')",
    "{name: cbs, throttle: 5}": "throttle: must be true or false (found 5)",
    "{ordering: {name: rr, quantum: [1]}}": "quantum: must be a whole number or text (found [1])",
    "{placement: {name: first-fit, strict: perhaps}}": "strict: must be true or false (found 'perhaps')",
    "{ordering: {name: edf, x: 1}}": "ordering 'edf' has no parameter 'x'; it has none",
}  # fmt: skip


@pytest.fixture
def policies(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "sturdy_policies.py").write_text(POLICIES)
    (here / "sturdy_syntax.py").write_text("def (")
    (here / "sturdy_raises.py").write_text("1 / 0")
    (here / "sturdy_leaves.py").write_text("raise SystemExit(0)")
    (here / "sturdy_nul.py").write_bytes(bytes(100))
    for name in [name for name in sys.modules if name.startswith("sturdy_")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("policies")
def test_a_policy_that_cannot_work_is_refused_with_what_to_do() -> None:
    assert ended("run", "dhall", "--scheduler", "sturdy_policies:Fine").exit_code == 0
    for choice, told in REFUSED.items():
        option = "--scheduler" if choice[0] != "{" else "--set"
        result = ended("run", "dhall", option, choice if choice[0] != "{" else f"scheduler={choice}")
        assert (result.exit_code, result.stdout) == (2, ""), choice
        assert told in result.stderr, (choice, result.stderr)
        assert result.stderr.count("\n") == 1
        assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_policy_that_fails_in_another_process_is_blamed_as_well(jobs: str) -> None:
    for choice, told in (("Zero", "ZeroDivisionError('division by zero')"), ("Leaves", "SystemExit(0)")):
        result = ended("compare", "dhall", "-s", f"sturdy_policies:{choice}", "--seeds", "2", "-j", jobs)
        assert result.exit_code == 2, result.output
        assert f"{told}; this is not rtsched's code: mend it there" in result.stderr


# ---- hostile files ---------------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefghij", "bcdefghijk", strict=True)
)
HEAD = "platform: uniprocessor\ntasks:\n  - {name: a, wcet: 1 ms, period: 5 ms}\n"
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "nul": bytes(5000),
    "latin": b"platform: \xff\xfe\n",
    "list": b"- 1\n- 2\n",
    "deep": b"[" * 100_000,
    "bomb": BOMB.encode(),
    "tag": b"!!python/object/apply:os.system ['false']\n",
    "integer": HEAD.encode() + b"simulate: {seed: " + b"9" * 5000 + b"}\n",
    "exponent": HEAD.replace("1 ms", "1e999999999 ms").encode(),
    "line": HEAD.encode() + b"name: " + b"x" * 1_000_000 + b"\n",
    "one end": b"name: p\nprocessors: {cpu: {kind: cpu}}\nlinks: {l: {between: [cpu], bandwidth: 1 GB/s}}\n",
    "xml": b'<!DOCTYPE a [<!ENTITY b "c">]><simulation>&b;</simulation>',
    "json": b'{"tasks": ' + b"[" * 50_000,
    "bells": b"platform: \"\\a\\e[2J\"\ntasks: []\n",
}  # fmt: skip
READERS: dict[str, tuple[str, list[str]]] = {
    "run": (".yaml", ["run", "{}"]),
    "analyse": (".yaml", ["analyse", "{}", "--runs", "1"]),
    "report": (".yaml", ["report", "{}", "-o", "out.md", "--runs", "1"]),
    "validate": (".yaml", ["validate", "{}"]),
    "show": (".yaml", ["show", "{}"]),
    "show a network": (".csv", ["show", "{}"]),
    "import": (".xml", ["import", "{}"]),
    "import a model": (".onnx", ["import", "{}"]),
    "compare": (".yaml", ["compare", "{}", "-s", "edf,rm", "--seeds", "1", "-j", "1"]),
    "platform": (".yaml", ["run", "dhall", "--platform", "{}"]),
    "profile": (".onnx", ["profile", "{}"]),
    "replay": (".json", ["fuzz-soundness", "--replay", "{}"]),
}


@pytest.mark.parametrize("command", READERS)
def test_no_file_is_a_traceback(command: str, here: Path) -> None:
    ending_, words = READERS[command]
    paths = [here / f"{name}{ending_}" for name in HOSTILE]
    for path, content in zip(paths, HOSTILE.values(), strict=True):
        path.write_bytes(content)
    folder, zero = here / f"folder{ending_}", here / f"zero{ending_}"
    folder.mkdir()
    if Path("/dev/zero").exists():
        zero.symlink_to("/dev/zero")
    for path in (*paths, folder, zero, here / f"nothing{ending_}", here / "-x"):
        result = ended(*(word.format(path) for word in words))
        assert result.exit_code in (0, 2), (path.name, result.output)
        assert "Traceback" not in result.stderr
        assert all(char.isprintable() or char == "\n" for char in result.stderr), path.name
        assert len(result.stderr) < 10_000, path.name


@pytest.mark.parametrize("command", [["list"], ["schema"], ["fuzz-soundness", "--systems", "1", "-j", "1"]])
def test_commands_without_a_file_end_well(command: list[str], here: Path) -> None:
    assert ended(*command).exit_code == 0


def test_list_survives_broken_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, name, content in (
        ("workloads", "broken.yaml", b"a: [1"),
        ("workloads", "mine.yaml", b"title: My own\n" + HEAD.encode()),
        ("platforms", "folded.yaml", bytes(10)),
        ("platforms", "latency.csv", b"a,b\n1,2\n"),
        ("platforms", "variants.csv", b"\xff"),
        ("networks", "odd.csv", b"\xff"),
    ):
        (here / folder).mkdir(exist_ok=True)
        (here / folder / name).write_bytes(content)
    monkeypatch.setenv("RTSCHED_PATH", str(here))
    result = ended("list", "--json")
    assert result.exit_code == 0, result.stderr
    known = json.loads(result.stdout)
    assert known["workloads"]["mine"] == "My own"
    assert "broken" not in known["workloads"]
    assert {"drone_xavier_nx", "dhall"} <= set(known["workloads"])
    assert "rk3588" in known["platforms"]
    assert "yolov8n" in known["networks"]
    assert known["families"]
    for name in ("broken.yaml", "folded.yaml", "latency.csv", "variants.csv"):
        assert name in result.stderr
