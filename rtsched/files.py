"""Outputs go to what the user named: files are replaced whole or not at all, devices and pipes are written to.

``-`` is standard output. A symbolic link stays one; what it leads to is replaced.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO

from rtsched.errors import InputError

#: The end of the name of a file that is still being written: one that is left over can be deleted.
UNFINISHED = ".rtsched-tmp"

STANDARD_OUTPUT = Path("-")
#: So many bytes are kept in memory, and handed on, at once.
AT_ONCE = 1 << 20
#: The formats of pictures, by the ending of a name; the first where there is none.
PICTURES = (".png", ".svg", ".pdf")
_DESCRIPTOR = re.compile(r"/(?:proc/(?:self|thread-self|\d+)|dev)/fd/(\d+)")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to what `path` names; raises InputError if that cannot be done.

    A regular file is written under another name beside it, which then takes its place and its permissions. A pipe that
    nobody reads raises BrokenPipeError.
    """
    with open_whole(path) as stream:
        stream.write(encoded(content))


def encoded(content: str | bytes) -> bytes:
    """Text as UTF-8, what that cannot hold escaped; bytes as they are."""
    return content.encode(errors="backslashreplace") if isinstance(content, str) else content


@contextmanager
def open_whole(path: Path) -> Iterator[IO[bytes]]:
    """What `path` names, to be written piece by piece; nothing of it is there before the end, or after an error.

    As `write_whole` otherwise. What goes to a pipe waits in a temporary file.
    """
    try:
        if not _is_sink(path):
            with _replacing(Path(os.path.realpath(path))) as stream:
                yield stream
            return
        from tempfile import SpooledTemporaryFile

        with SpooledTemporaryFile(AT_ONCE) as kept:
            yield kept
            kept.seek(0)
            with _sink(path) as stream:
                while part := kept.read(AT_ONCE):
                    stream.write(part)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None


def check_outputs(*paths: Path | None) -> None:
    """Refuse outputs that cannot be written, before the work that they are to hold; raises InputError."""
    for path in paths:
        if path is None or _is_sink(path):
            continue
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise InputError(f"{path}: there is no such folder; make it first")
        if not os.access(folder, os.W_OK):
            raise cannot_write(path, PermissionError(0, "its folder is write-protected"))


def make_folder(path: Path) -> None:
    """Make the folder `path` if it is not there; raises InputError if that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be made: {reason}; choose another place") from None


def cannot_write(path: Path | str, error: Exception) -> InputError:
    """What to say of an output that cannot be written."""
    reason = getattr(error, "strerror", None) or error
    return InputError(f"{path}: cannot be written: {reason}; choose another place")


def is_standard_output(path: Path | None) -> bool:
    """Whether a path means standard output: then nothing else belongs there."""
    return path is not None and (path == STANDARD_OUTPUT or _descriptor(path) == 1)


def format_of(path: Path, formats: Sequence[str], problem: str) -> str:
    """The format, one of `formats` (".png", …), that the ending of an output's name says.

    Standard output, pipes and devices have no ending and get the first format. Raises InputError with the `problem`
    where the ending says nothing.
    """
    ending = path.suffix.lower()
    if ending in formats:
        return ending
    if not ending and _is_sink(path):
        return formats[0]
    raise InputError(problem)


def picture_format(path: Path) -> str:
    """The format of a picture, as matplotlib calls it, by its file's name. Raises InputError."""
    return format_of(path, PICTURES, f"{path}: pictures are {', '.join(PICTURES)}; rename it")[1:]


def _is_stream(path: Path) -> bool:
    """Whether a path leads to a device, a pipe or a socket: to anything there but a regular file or a folder."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _descriptor(path: Path) -> int | None:
    """The open file of this process that a path such as ``/dev/stdout`` or ``/proc/self/fd/1`` stands for."""
    place = os.path.abspath(path) if path != STANDARD_OUTPUT else ""
    for _ in range(10):
        found = _DESCRIPTOR.fullmatch(place)
        if found is not None:
            return int(found[1]) if place.split("/")[2] in ("fd", "self", "thread-self", str(os.getpid())) else None
        try:
            place = os.path.join(os.path.dirname(place), os.readlink(place))
        except (OSError, ValueError):
            return None
    return None


def _is_sink(path: Path) -> bool:
    """Whether what is written to a path goes away: standard output, an open file, a pipe, a device."""
    return path == STANDARD_OUTPUT or _descriptor(path) is not None or _is_stream(path)


@contextmanager
def _sink(path: Path) -> Iterator[IO[bytes]]:
    descriptor = None if path == STANDARD_OUTPUT else _descriptor(path)
    if path == STANDARD_OUTPUT:
        with _standard_output() as stream:
            yield stream
    elif descriptor is not None:
        for standard in filter(None, (sys.stdout, sys.stderr)):
            standard.flush()
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            yield stream
    else:
        with open(path, "wb") as stream:
            yield stream


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    if sys.stdout is None:
        raise OSError(0, "it is closed")
    sys.stdout.flush()
    binary = getattr(sys.stdout, "buffer", None)
    if binary is not None:
        yield binary
    else:  # a stand-in for text
        kept = BytesIO()
        yield kept
        sys.stdout.write(kept.getvalue().decode(errors="backslashreplace"))
    sys.stdout.flush()


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target, which takes its place in the end."""
    import tempfile

    try:
        old = os.stat(target)
    except FileNotFoundError:
        old = None
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(0, "it is a folder")
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(0, "it is write-protected")
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.", suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        if old is not None and hasattr(os, "chown"):
            with suppress(OSError):
                os.chown(temporary, old.st_uid, old.st_gid)
        os.chmod(temporary, 0o666 & ~_umask() if old is None else stat.S_IMODE(old.st_mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    """The process's file mode mask (it can only be read by setting it)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
