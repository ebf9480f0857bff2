"""Hostile files: no command ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import ended

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
