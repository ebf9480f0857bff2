"""What the command line says, on any console, into any pipe, and where there is neither.

Names and messages are shown with what cannot be seen in them escaped; JSON is exact. What a console's encoding lacks
is written in ASCII. Text fits the terminal, or `COLUMNS` where that is set; in a pipe it has its full width.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import click

from rtsched.columns import fitting, wrapped
from rtsched.errors import InputError
from rtsched.files import STANDARD_OUTPUT, cannot_write, is_standard_output, write_whole
from rtsched.visible import visible

#: What stands for a character that a console cannot show; all others are escaped.
ASCII = {
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "×": "x", "·": "*", "±": "+-", "−": "-", "²": "^2", "³": "^3",
    "⌈": "ceil(", "⌉": ")", "⌊": "floor(", "⌋": ")", "→": "->", "←": "<-", "∞": "inf", "∎": "", "√": "sqrt",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "─": "-", "━": "-", "═": "=", "│": "|", "┃": "|", "║": "|", "•": "*",
    "…": "...", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "§": "section ", "°": "deg ", "µ": "u", "μ": "u",
    "✓": "yes", "✗": "no", "†": "+", "█": "#", "▓": "#", "▒": "#", "░": ".", "▏": "|", "▎": "|", "▍": "|", "▌": "|",
    "▋": "#", "▊": "#", "▉": "#", "∑": "sum", "Σ": "sum", "Π": "product", "Δ": "Delta", "α": "alpha", "β": "beta",
    "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "λ": "lambda", "ν": "nu", "π": "pi",
    "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ω": "omega", "\xa0": " ", "\u2009": " ", "\u202f": " ",
}  # fmt: skip

#: Nothing is made narrower than this.
NARROWEST = 20


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print lines for people on standard output or error; raises InputError where the disk behind it is full."""
    _print(visible(text, lines=True), err, nl)


def echo_json(data: Any) -> None:
    """Print data for programs: the same on every console."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    _print(json.dumps(data, indent=2, ensure_ascii=codecs.lookup(encoding).name != "utf-8"), False, True)


def echo_document(text: str) -> None:
    """Print what would stand in a file, byte for byte: in UTF-8."""
    try:
        write_whole(STANDARD_OUTPUT, text)
    except InputError:
        raise InputError("standard output cannot be written; free some space, or write elsewhere") from None


def tell(text: str, *outputs: Path | None) -> None:
    """Print what there is to say beside the outputs of a command; on standard error if one of them is there."""
    echo(text, err=any(map(is_standard_output, outputs)))


def fitted(render: Callable[..., str], *given: Any, prose: bool = True, **options: Any) -> str:
    """What `render` makes of the rest, in the columns that there are; of `prose` also every line."""
    with page():
        text = render(*given, **options)
        return "\n".join(map(_broken, text.split("\n"))) if prose else text


def page() -> AbstractContextManager[None]:
    """Within, text is laid out in the columns that there are."""
    return fitting(room(), "…" if _has("…") else "~")


def _broken(line: str) -> str:
    """A line that is too long as several, those after the first further to the right."""
    inner = line.lstrip()
    indent = line[: len(line) - len(inner)]
    return "\n".join(wrapped(inner, indent, f"{indent}  "))


def room() -> int | None:
    """How many columns standard output has: as `COLUMNS` says, else its terminal; None where there is neither."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return max(NARROWEST, int(said))
    try:
        return max(NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns) if sys.stdout.isatty() else None
    except (OSError, ValueError):  # a console that does not know
        return None


def _has(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def answer_alone() -> Iterator[None]:
    """Within, what policies and metrics print, in this process or in workers, goes to standard error.

    Standard output is left to the answer.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 1)
        os.close(kept)


def alone_for(as_json: bool, *outputs: Path | None) -> AbstractContextManager[None]:
    """`answer_alone` where the answer is for programs: JSON, or an output on standard output. Else nothing changes."""
    return answer_alone() if as_json or any(map(is_standard_output, outputs)) else nullcontext()


def want_standard_output(as_json: bool, *outputs: Path | None) -> None:
    """Refuse two things on standard output, of which a reader could make nothing. Raises InputError."""
    wanting = sum(map(is_standard_output, outputs))
    if wanting and wanting + as_json > 1:
        raise InputError("'-' is standard output, and only one thing can go there; name a file for the other")


def _print(text: str, err: bool, nl: bool) -> None:
    try:
        click.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write("standard error" if err else "standard output", error) from None


# ---- the streams of the process --------------------------------------------------------------------------------------


def prepare() -> None:
    """Make the standard streams take every text: what their encoding lacks in ASCII, nothing where they are closed."""
    codecs.register_error("rtsched", _instead)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while os.open(os.devnull, os.O_RDWR) < 2:  # or a file that is written would take the place of the closed one
            pass
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="rtsched")


def leave(code: int) -> int:
    """Write out what is left; the exit code, 2 where that cannot be done (a pipe that was closed is no fault)."""
    for number, stream in ((2, sys.stderr), (1, sys.stdout)):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)  # the interpreter, too, flushes when it ends
            if not isinstance(error, BrokenPipeError) and not code:
                code = 2
                click.echo(str(cannot_write("standard output", error)), file=sys.stderr)
    return code


def _instead(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: ASCII for what an encoding lacks."""
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(ASCII.get(char, ascii(char)[1:-1]) for char in lacking), error.end
