"""``rtsched report``: the report that an engineer signs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import date as calendar
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtsched.cli import options
from rtsched.cli.console import echo, tell, want_standard_output
from rtsched.cli.ending import NO
from rtsched.cli.failing import fail_on_proof, fails
from rtsched.cli.junit import errors_into, junit_option, write_proof
from rtsched.cli.waiting import proving
from rtsched.errors import InputError
from rtsched.files import check_outputs, format_of, write_whole

if TYPE_CHECKING:
    from rtsched.report.content import Report

FORMATS = (".html", ".pdf", ".md", ".json")


@click.command()
@click.argument("system")
@options.file(
    "-o",
    "--output",
    required=True,
    text=f"The file to write, or '-'; its ending says the format: {', '.join(FORMATS)}.",
)
@click.option(
    "--format",
    "wanted",
    type=click.Choice([ending[1:] for ending in FORMATS]),
    help="The format, whatever the file is called; without an ending: html.",
)
@options.scheduler()
@options.platform()
@options.overrides()
@options.wcet()
@options.patterns
@click.option(
    "--document",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The front page, a YAML file: number, revision, status, item, history, who signs (docs/report.md).",
)
@click.option(
    "--font",
    "fonts",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A font (.ttf, .otf) that comes before those of the system, for .pdf and for the figures of .html.",
)
@click.option("--date", metavar="YYYY-MM-DD", help="The date on the report; default: today.")
@junit_option()
@fail_on_proof()
def report(
    system: str,
    output: Path,
    wanted: str | None,
    scheduler: str | None,
    platform: str | None,
    overrides: tuple[str, ...],
    wcet: str | None,
    runs: int,
    seed: int,
    document: Path | None,
    fonts: tuple[Path, ...],
    date: str | None,
    junit: Path | None,
    fail_on: str | None,
) -> None:
    """Write the report on SYSTEM that an engineer signs: verdict, assumptions, bounds, figures, actions, input."""
    refusal = f"-o {output}: the ending says the format; use {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, or --format"
    ending = format_of(output, FORMATS, refusal) if wanted is None else f".{wanted}"
    want_standard_output(False, output, junit)
    check_outputs(output, junit)
    day = _day(date)
    if fonts and ending not in (".pdf", ".html"):
        raise InputError(f"--font: a {ending} report has no letters of its own; leave it out, or write .pdf or .html")
    if ending == ".pdf":
        from rtsched.report.pdf import library

        library()  # before the work
    from rtsched.model.catalogue import is_path
    from rtsched.report import front
    from rtsched.report.content import Report
    from rtsched.report.letters import given

    given(fonts)
    page = front.FrontPage() if document is None else front.read(document)
    from rtsched.verify.verification import verify
    from rtsched.verify.words import outcome

    with errors_into(junit, system, "report"), proving() as progress:
        found = verify(
            system, scheduler=scheduler, platform=platform, overrides=overrides, wcet=wcet, runs=runs,
            seed=seed, progress=progress,
        )  # fmt: skip
    if junit is not None:
        write_proof(junit, found, fail_on)
    words = ["rtsched", "report", system, "-o", "report.json"]  # all formats have the same data
    for option, value in (("--scheduler", scheduler), ("--platform", platform)):
        words += [] if value is None else [option, value]
    for text in overrides:
        words += ["--set", text]
    words += [] if wcet is None else ["--wcet", wcet]
    words += [] if document is None else ["--document", document.as_posix()]
    words += ["--runs", str(runs), "--seed", str(seed), "--date", day]
    others = [(document, "front page")] if document is not None else []
    if platform is not None and is_path(platform):
        others.append((Path(platform), "platform"))
    made = Report(found, day, shlex.join(words), page, tuple(others))
    write_whole(output, render(made, ending, fonts))
    tell(f"{found.system.name}: {outcome(found)}; report written to {output}", output, junit)
    if fails(found, fail_on):
        raise SystemExit(NO)


def _day(text: str | None) -> str:
    if text is None:
        return calendar.today().isoformat()
    try:
        return calendar.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(f"--date {text!r} is no day; write YYYY-MM-DD, e.g. 2025-03-31") from None


def render(made: Report, ending: str, fonts: Sequence[Path] = ()) -> str | bytes:
    """The content of the file, by the ending of its name."""
    if ending == ".html":
        from rtsched.report.html import html

        return html(made, fonts)
    if ending == ".pdf":
        from rtsched.report.pdf import pdf

        return pdf(made, fonts, lambda text: echo(text, err=True))
    if ending == ".md":
        from rtsched.report.markdown import markdown

        return markdown(made)
    return json.dumps(made.to_dict(), indent=2, ensure_ascii=False) + "\n"
