"""Problems of files as data: where, what, and of which kind, out of the lines that errors are told in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rtsched.visible import visible

#: As SARIF calls them.
Level = Literal["error", "warning", "note"]

#: The kinds of problems by their lasting name: what they are, and how their text begins or what it says.
#: The first that fits is the kind of a problem.
RULES: dict[str, tuple[str, str]] = {
    "syntax": (
        "The text is no YAML, or no table, that can be read.",
        r"is not YAML|is not UTF-8|cannot be read as CSV|a second document|^the character U\+|^a tab stands|"
        r"a second time|the alias |the tag |nested deeper|^is empty; write|must be a mapping|'<<'|a key must be text|"
        r"means \w+ in YAML|"
        r"is not a valid (?:int|float|bool|null)|is no finite|is not a finite|does not fit into 64 bits|"
        r"more than \d+ values|half a character|more cells than columns",
    ),
    "unreadable": (
        "A file is not there, or cannot be read.",
        r"cannot be read: |is a folder; |not a regular file|is larger than",
    ),
    "unknown-key": ("A key that means nothing here.", r"unknown key "),
    "missing-key": ("A key or an item is missing.", r"is missing; add"),
    "missing-latency": (
        "No execution time is known: the network was not measured there, and none is given.",
        r"in no latency table|has no latency|no times on|has no times|was measured at several inputs|"
        r"no execution time|has no cost",
    ),
    "unknown-name": (
        "A name of something that there is not.",
        r"is called '|is called \"|no such |nothing here is called|is no processor|is no task|there is no ",
    ),
    "no-effect": ("A key that would change nothing.", r"has no effect|no effect "),
    "wrong-value": (
        "A value of the wrong kind, unit or size.",
        r"must be |must have |must lie |needs at least |needs a unit|write a |write e\.g\.|\(got |\(found ",
    ),
    "inconsistent": ("Values that do not go together, or what is not supported.", r""),
}

#: What of a valid file deserves a look, by its lasting name: what it is, and how much it matters.
WARNINGS: dict[str, tuple[str, Level]] = {
    "weak-time": ("An execution time of which no proof is possible: typical, a percentile, or modelled.", "warning"),
    "no-limit": ("A chain that a requirement names, and nothing is required of it.", "warning"),
    "lone-clock": ("A clock of one task: it holds no phase between any two.", "warning"),
    "violated-assumption": ("An assumption of proofs that does not hold, as the file says.", "warning"),
    "assumed": ("A figure that is assumed or derived, not measured.", "note"),
}


#: What follows on the name of the file, and a problem of another file, which has a line.
_HERE = re.compile(r"(?::(?P<line>\d+)(?::(?P<column>\d+))?)?: (?P<text>.*)", re.DOTALL)
_ELSEWHERE = re.compile(r"(?P<path>.+?):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<text>.*)", re.DOTALL)
_ASIDE = re.compile(r" ?\([^)]*\)")


@dataclass(frozen=True)
class Problem:
    """What is wrong, or weak, at a place of a file; lines and columns count from 1, columns in characters."""

    rule: str
    path: str
    line: int | None
    column: int | None
    message: str
    level: Level = "error"

    @property
    def place(self) -> str:
        """``file:line:column``, as far as it is known."""
        return ":".join(str(each) for each in (self.path, self.line, self.column) if each is not None)

    @property
    def lasting(self) -> str:
        """What is wrong, without what was found and what to do: the same when lines move, or hints change."""
        return _ASIDE.sub("", self.message).partition("; ")[0]


def problem(text: str, file: str) -> Problem:
    """What a line of an error says of a `file`, or of another file that it names."""
    path, line, column, said = _placed(text, file)
    return Problem(rule_of(said), path, line, column, said)


def warning(rule: str, text: str, file: str) -> Problem:
    """What a line says of a `file` that is valid, by one of `WARNINGS`."""
    return Problem(rule, *_placed(text, file), WARNINGS[rule][1])


def _placed(text: str, file: str) -> tuple[str, int | None, int | None, str]:
    """The file that a line speaks of, line and column there, and what it says."""
    shown = next((each for each in (file, visible(file)) if text.startswith(f"{each}:")), None)
    match = _ELSEWHERE.fullmatch(text) if shown is None else _HERE.fullmatch(text[len(shown) :])
    if match is None:
        return file, None, None, text
    line, column = (None if match[name] is None else int(match[name]) for name in ("line", "column"))
    return file if shown is not None else match["path"], line, column, match["text"]


def rule_of(message: str) -> str:
    """The kind of a problem, by its text."""
    return next(name for name, (_, says) in RULES.items() if re.search(says, message))
