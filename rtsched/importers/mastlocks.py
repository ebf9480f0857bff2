"""What operations of MAST lock and unlock, as critical sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from rtsched.importers.masttext import MastValue
from rtsched.model.document import cut


class LockedSpans:
    """What a task holds from when to when, as its operations lock and unlock it."""

    def __init__(self, fail: Callable[[MastValue, str], NoReturn]) -> None:
        self.fail = fail
        self.since: dict[str, int] = {}
        self.sections: list[tuple[str, int, int]] = []

    def lock(self, names: list[str], item: MastValue, at: int) -> None:
        """Lock some resources."""
        for name in names:
            if name in self.since:
                self.fail(item, f"{cut(name)} is locked while it is held; unlock it first")
            self.since[name] = at

    def unlock(self, names: list[str], item: MastValue, at: int) -> None:
        """Unlock some resources."""
        for name in names:
            if name not in self.since:
                self.fail(item, f"{cut(name)} is unlocked and was not locked on this server; lock it before")
            self.sections.append((name, self.since.pop(name), at))
