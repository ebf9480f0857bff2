"""Letters that a font lacks: found before anything is drawn, and written as ``\\u65e5`` instead of as a silent box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from rtsched.errors import InputError

#: The font that comes with matplotlib.
OWN = "DejaVu Sans"


def spelled(text: str, lacking: Iterable[str]) -> str:
    """The text with its `lacking` letters written out, so that two names stay two.

    >>> spelled("日本", "日")
    '\\\\u65e5本'
    """
    missing = frozenset(lacking)
    return "".join(each.encode("unicode_escape").decode() if each in missing else each for each in text)


def given(files: Sequence[Path]) -> tuple[str, ...]:
    """The families of font files, known to matplotlib from now on. Raises InputError where one is no font."""
    from matplotlib.font_manager import fontManager

    names = []
    for path in files:
        try:
            fontManager.addfont(path)
            names.append(fontManager.ttflist[-1].name)
        except (OSError, RuntimeError, ValueError) as error:
            why = "there is no such file" if not path.exists() else f"is no font that can be read ({error})"
            raise InputError(f"--font {path}: {why}; give a .ttf or .otf file") from None
    return tuple(names)


def families(text: str, first: Sequence[str] = ()) -> tuple[tuple[str, ...], str]:
    """The families to draw a text with, and the letters that none of the installed fonts has.

    `first` and our own font, and of the others as few as have what these lack, by name.
    """
    chosen = [*first, OWN]
    missing = {each for each in set(text) if each.isprintable() and not each.isspace()}
    for family in chosen:
        missing -= _letters(_file(family))
    for fonts in (_known, _new) if missing else ():
        for name, path in fonts():
            has = missing & _letters(path)
            if has and name not in chosen and _file(name) == path:
                chosen.append(name)
                missing -= has
            if not missing:
                break
    return tuple(chosen), "".join(sorted(missing))


def _known() -> list[tuple[str, str]]:
    """Names and files of the fonts that matplotlib knows, but for the one whose letters are all boxes."""
    from matplotlib.font_manager import fontManager

    fonts = {(each.name, str(each.fname)) for each in fontManager.ttflist}
    return sorted((each for each in fonts if not each[0].startswith("Last Resort")), key=_order)


def _new() -> list[tuple[str, str]]:
    """Those that were installed since matplotlib looked."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    old = {path for _, path in _known()}
    for path in sorted(set(findSystemFonts()) - old):
        with suppress(OSError, RuntimeError, ValueError):
            fontManager.addfont(path)
    return [each for each in _known() if each[1] not in old]


def _order(font: tuple[str, str]) -> tuple[bool, bool, str, str]:
    """Plain upright faces for much text first."""
    name, path = font
    odd = any(word in path for word in ("Bold", "Italic", "Oblique", "Light", "Thin", "Black"))
    return "Sans" not in name, odd, name, path


def _file(family: str) -> str:
    """The file that matplotlib draws a family with."""
    from matplotlib.font_manager import FontProperties, findfont

    path: Any = findfont(FontProperties(family=[family]))
    return str(path)


@lru_cache(maxsize=512)
def _letters(path: str) -> frozenset[str]:
    """The letters that a font file has; none where it cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(map(chr, get_font(path).get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()
