"""How a command ends: the exit code says it, one line tells it, and what a bug report needs is saved.

0 fine; 1 the answer is no; 2 bad input; 3 an internal error, or a simulation that beats a proof; 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from rtsched.cli.console import echo
from rtsched.errors import InputError, RtschedError, SoundnessError
from rtsched.visible import cut, message

FINE, NO, BAD_INPUT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 130

#: Errors that say something of the machine and nothing of rtsched: a full disk, no more files, no memory.
_MACHINE = frozenset(
    getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "ENOMEM", "EIO", "EFBIG")
) - {None}


def ended(command: Callable[[], Any]) -> int:
    """Run a command; its exit code. What went wrong is told in a line on standard error."""
    try:
        return _code(command())
    except SystemExit as left:
        return _code(left.code) if _foreign(left) is None else _unexpected(left)
    except BrokenPipeError:
        return FINE
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return BAD_INPUT
    except SoundnessError as error:
        _say(f"{message(str(error))}; both sides {_saved(save_contradiction, error)}")
        return INTERNAL
    except RtschedError as error:
        _say("\n".join(map(message, str(error).split("\n"))))
        return BAD_INPUT
    except MemoryError:
        _say("there is not enough memory for this; ask for a shorter time, or for less to be kept (run --no-trace)")
        return BAD_INPUT
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _MACHINE:
            named = "" if error.filename is None else f"{error.filename}: "
            _say(message(f"{named}this machine cannot go on: {error.strerror}; make room, or run it elsewhere"))
            return BAD_INPUT
        return _unexpected(error)


@contextmanager
def answered(path: Path | None, answer: Callable[[Path, Exception], None]) -> Iterator[None]:
    """An error within becomes an answer in the file, if one is wanted, so that nobody takes an older one for it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        if path is not None:
            with suppress(InputError, OSError):  # the error itself is what has to be told
                answer(path, error)
        raise


@contextmanager
def stopped() -> Iterator[None]:
    """Within a command: an interruption is told in one line, a pipe that nobody reads any more ends it in silence."""
    try:
        yield
    except KeyboardInterrupt:
        _say("interrupted")
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        raise SystemExit(FINE) from None


def _code(value: Any) -> int:
    return value if isinstance(value, int) else FINE if value is None else BAD_INPUT


def _say(text: str) -> None:
    with suppress(OSError, InputError):  # nobody may be listening
        echo(text, err=True)


def _foreign(error: BaseException) -> str | None:
    from rtsched.registry import foreign

    return foreign(error)


def _unexpected(error: BaseException) -> int:
    """An error that nobody foresaw: a policy's own is bad input, all others are rtsched's bugs."""
    what = cut(f"{type(error).__name__}: {error}".removesuffix(": "), 300)
    saved = f"the traceback {_saved(save_traceback, error)}"
    place = _foreign(error)
    if place is not None:
        _say(f"{place}: {what}; this is not rtsched's code: mend it there ({saved})")
        return BAD_INPUT
    _say(f"internal error: {what}; this is rtsched's own bug, not your mistake: please report it ({saved})")
    return INTERNAL


# ---- what a bug report needs -----------------------------------------------------------------------------------------


def _saved(save: Callable[[Any], Path | str], error: BaseException) -> str:
    try:
        return f"saved in {save(error)}"
    except Exception as other:  # a full disk must not hide what there is to say
        return f"not saved: {cut(str(other), 300)}"


def save_traceback(error: BaseException) -> Path:
    """Save the traceback of an error, whole, with what was called and by what version."""
    import shlex
    import traceback

    told = "".join(traceback.format_exception(error))
    lines = [f"{name}: {value}" for name, value in {"command": shlex.join(sys.argv), **_versions()}.items()]
    text = "\n".join([*lines, "", told])
    return _write(_named("rtsched-error", ".txt", text), text)


def save_contradiction(error: SoundnessError) -> str:
    """Save both sides of a contradiction, each in a file of its own; says in which.

    The run that beats the proof is a system file, where there is one; the proof with its calculation is JSON.
    """
    import json

    from rtsched.verify import contradiction

    data = contradiction.document(error) | {"command": sys.argv, "versions": _versions()}
    text = json.dumps(data, indent=1, default=str) + "\n"
    stem = _named("rtsched-soundness", "", text)
    proof = _write(f"{stem}.json", text)
    try:
        text_of_run = contradiction.run_file(error)
        run = None if text_of_run is None else _write(f"{stem}.yaml", text_of_run)
    except Exception as other:  # one side kept is better than none
        return f"{proof} (the run has no file of its own: {cut(str(other), 300)})"
    return f"{proof}" if run is None else f"{run} (the run) and {proof} (the proof, its calculation, and the run)"


def _versions() -> dict[str, str]:
    import platform

    from rtsched import __version__

    return {"rtsched": __version__, "python": sys.version.replace("\n", " "), "system": platform.platform()}


def _named(stem: str, ending: str, text: str) -> str:
    """A name for a content: the same error, the same name."""
    import hashlib

    return f"{stem}-{hashlib.sha256(text.encode(errors='backslashreplace')).hexdigest()[:8]}{ending}"


def _write(name: str, text: str) -> Path:
    """Write a file into the working folder, or else the one for temporary files."""
    import tempfile

    from rtsched.files import write_whole

    try:
        path = Path.cwd() / name
        write_whole(path, text)
    except (InputError, OSError):
        path = Path(tempfile.gettempdir()) / name
        write_whole(path, text)
    return path
