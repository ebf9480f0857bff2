"""A report as PDF: the page of `html` set by WeasyPrint, PDF/A-3u, its data attached, the same bytes each time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtsched.errors import InputError
from rtsched.report.content import Report
from rtsched.report.html import html

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is set where a font is given: it comes first.
FACE = "@font-face {{ font-family: given{number}; src: url({url}); }}"
MISSING = (
    "a PDF needs WeasyPrint: pip install 'rtsched[pdf]'; without it write a .html report, which a browser prints as PDF"
)
NO_PANGO = (
    "a PDF needs Pango, which WeasyPrint does not find here: apt install libpango-1.0-0 libpangoft2-1.0-0 "
    "libharfbuzz-subset0 (brew install pango); without it write a .html report, which a browser prints as PDF"
)


def library() -> Any:
    """The library. Raises InputError with what to install where it, or Pango, is not there."""
    try:
        import weasyprint.text.fonts
    except ImportError:
        raise InputError(MISSING) from None
    except OSError:
        raise InputError(NO_PANGO) from None
    return weasyprint


def pdf(report: Report, fonts: Sequence[Path] = (), tell: Callable[[str], None] | None = None) -> bytes:
    """The bytes of the file. `fonts` come before those of the system; `tell` is told of letters that no font has.

    They are written out (``\\u65e5``), so that no two names look alike. Raises InputError where WeasyPrint is missing.
    """
    library()
    written, lacking = _written(report, html(report, fonts), fonts)
    if lacking:
        if tell is not None:
            tell(told(lacking))
        written, _ = _written(report, html(report, fonts, lacking), fonts)
    return written


def told(lacking: str, most: int = 12) -> str:
    """What to say of letters that no font has."""
    names = ", ".join(f"{each} (U+{ord(each):04X})" for each in lacking[:most])
    more = f" and {len(lacking) - most} more" if len(lacking) > most else ""
    where = "install a font that has them (such as fonts-noto-cjk), or name its file with --font"
    where = "install a font that has them (such as fonts-noto-cjk), or name its file with --font"
    return f"no font here has {names}{more}: written as codes; {where}"


def _written(report: Report, page: str, fonts: Sequence[Path]) -> tuple[bytes, str]:
    """The file, and the letters that Pango found in no font."""
    found = library()
    day = datetime.fromisoformat(report.date)
    data = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    attached = found.Attachment(
        string=data.encode(errors="backslashreplace"), name="report.json", created=day, modified=day,
        description="The data of this report, with its digest", relationship="Source",
    )  # fmt: skip
    sheets, configuration = [], found.text.fonts.FontConfiguration()
    if fonts:
        faces = [FACE.format(number=number, url=path.resolve().as_uri()) for number, path in enumerate(fonts)]
        first = ", ".join(f"given{number}" for number in range(len(fonts)))
        rules = (
            "\n".join(faces)
            + f"\nbody {{ font-family: {first}, sans-serif !important; }} @page {{ font-family: {first}, sans-serif; }}"
        )
        sheets.append(found.CSS(string=rules, font_config=configuration))
    with _noting() as missing:
        written: bytes = found.HTML(string=page, url_fetcher=_fetch).write_pdf(
            stylesheets=sheets, font_config=configuration, attachments=[attached], pdf_variant="pdf/a-3u",
            pdf_identifier=bytes.fromhex(report.digest[:32]),
        )  # fmt: skip
    return written, "".join(sorted(missing))


def _fetch(url: str, *arguments: Any, **options: Any) -> Any:
    """A page refers to nothing outside of itself, whatever its names say."""
    raise ValueError(f"{url} is not fetched")


class _Missing(logging.Handler):
    """Collects the letters that WeasyPrint complains of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.letters: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Take the letter, the first thing in the message."""
        if ".notdef" in str(record.msg) and record.args:
            self.letters.add(str(next(iter(record.args))))


@contextmanager
def _noting() -> Iterator[set[str]]:
    """What WeasyPrint says goes to us, and not to the terminal."""
    logger = logging.getLogger("weasyprint")
    handler, old, on = _Missing(), logger.handlers[:], logger.propagate
    logger.handlers, logger.propagate = [handler], False
    try:
        yield handler.letters
    finally:
        logger.handlers, logger.propagate = old, on
