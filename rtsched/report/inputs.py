"""The files that a report was made from: name, SHA-256, and what git knows of them, read only."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtsched.errors import InputError
from rtsched.loading import Loaded
from rtsched.model import catalogue

#: Longer texts in a system are no names of files.
LONGEST = 1000


@dataclass(frozen=True)
class InputFile:
    """A file, called as the system calls it; `commit` and `changed` are None where no git answers."""

    name: str
    what: str
    sha256: str
    commit: str | None = None
    changed: bool | None = None

    @property
    def state(self) -> str:
        """What is known of its revision, in words."""
        if self.commit is None:
            return "not stated (in no git work tree)"
        if self.changed is None:
            return f"not under revision control (work tree at {self.commit})"
        return f"{self.commit}, {'with changes that are not committed' if self.changed else 'as committed'}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def inputs(loaded: Loaded, others: Sequence[tuple[Path, str]] = ()) -> tuple[InputFile, ...]:
    """The system's own file, that of its platform, the latency tables, whatever file the system names, and `others`."""
    found: dict[Path, InputFile] = {}
    for path, name, what in (*_named(loaded), *((path, path.name, what) for path, what in others)):
        try:
            key = path.resolve()
            if key not in found:
                content = path.read_bytes()
                commit, changed = revision(path, content)
                found[key] = InputFile(name, what, hashlib.sha256(content).hexdigest(), commit, changed)
        except (OSError, ValueError):
            continue
    return tuple(found.values())


def _named(loaded: Loaded) -> Iterator[tuple[Path, str, str]]:
    folder = None if loaded.path is None else loaded.path.parent
    if loaded.path is not None:
        yield loaded.path, loaded.path.name, "system"
    reference = loaded.system.platform
    if isinstance(reference, str):
        platform = _platform(loaded, reference, folder)
        if platform is not None:
            yield platform, platform.name, "platform"
    described = loaded.system.model_dump(mode="json", exclude_defaults=True)
    if any(_texts(described, "network")):
        for each in catalogue.folders("platforms"):
            yield each / "latency.csv", "latency.csv", "table of measured times"
    for text in dict.fromkeys(_texts(described)):
        place = Path(text) if folder is None else folder / text
        if text != reference and place.suffix and place.is_file():
            yield place, Path(text).name if os.path.isabs(text) else Path(text).as_posix(), "named by the system"


def _platform(loaded: Loaded, reference: str, folder: Path | None) -> Path | None:
    """The file of the platform; nothing where it was chosen on the command line as a file of its own."""
    try:
        if not catalogue.is_path(reference):
            return catalogue.find("platforms", loaded.platform.name)
        if catalogue.load_platform(reference, folder).name != loaded.platform.name:
            return None
    except InputError:
        return None
    beside = Path(reference) if folder is None else folder / reference
    return beside if beside.exists() else Path(reference)


def _texts(item: Any, under: str | None = None) -> Iterator[str]:
    """The texts in a description, or those of one key."""
    if isinstance(item, dict):
        for key, value in item.items():
            yield from _texts(value, None if key == under else under)
    elif isinstance(item, list):
        for value in item:
            yield from _texts(value, under)
    elif under is None and isinstance(item, str) and len(item) < LONGEST and "\0" not in item:
        yield item


def revision(path: Path, content: bytes) -> tuple[str | None, bool | None]:
    """The commit that a file's work tree is at, and whether its content is another than there; None where not known.

    Git is asked for names of objects only: nothing of a work tree's configuration is run, and nothing is written.
    """
    command = ["git", "-C", str(path.parent), "rev-parse", "--verify", "--quiet"]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}

    def ask(name: str) -> str | None:
        try:
            done = subprocess.run([*command, name], capture_output=True, timeout=10, env=environment, check=False)
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
        text = done.stdout.decode("ascii", "replace").strip()
        return text if done.returncode == 0 and text else None

    commit = ask("HEAD^{commit}")
    if commit is None:
        return None, None
    stored = ask(f"HEAD:./{path.name}")
    if stored is None:
        return commit, None
    return commit, stored not in (_blob(content, stored), _blob(content.replace(b"\r\n", b"\n"), stored))


def _blob(content: bytes, like: str) -> str:
    """The name that git gives to a content, in the repository's own hash."""
    made = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    made.update(b"blob %d\0" % len(content) + content)
    return made.hexdigest()
