"""``rtsched show``: one thing by name, with its sources."""

from __future__ import annotations

from pathlib import Path

import click

from rtsched.cli import options
from rtsched.cli.console import echo_json, page, tell, want_standard_output
from rtsched.errors import InputError


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[KIND] NAME")
@options.file("--png", "picture", text="Draw a platform (.png, .svg or .pdf).")
@options.platform("With 'cost NETWORK': on which platform.")
@options.as_json()
def show(words: tuple[str, ...], picture: Path | None, platform: str | None, as_json: bool) -> None:
    """Show one thing by name: a workload, a platform, a network, a policy or a locking protocol, with its sources.

    KIND (platform, workload, network, scheduler, ordering, ...) tells things of one name apart. `show cost NETWORK
    --platform P` compares measured times with those of the cost model. `show ceiling SYSTEM` explains a protocol, with
    the ceilings of a system and how long its tasks can be blocked.
    """
    from rtsched import show as views

    want_standard_output(as_json, picture)
    if len(words) > 2:
        raise InputError(f"show: {' '.join(words)!r} is no [KIND] NAME; write `rtsched show platform rk3588`")
    if len(words) == 2 and words[0] == "cost":
        from rtsched.show.cost import describe_cost

        with page():
            answer = describe_cost(words[1], platform)
    elif platform is not None:
        raise InputError(
            "--platform goes with 'cost NETWORK'; write `rtsched show cost mobilenet_v2 --platform rk3588`"
        )
    elif len(words) == 2 and words[0] in views.PROTOCOLS:
        answer = views.describe_protocol(words[0], words[1])
    else:
        with page():
            answer = views.describe(words[-1], words[0] if len(words) == 2 else None)
    if picture is not None:
        if answer.platform is None:
            raise InputError(f"--png draws platforms, and {words[-1]!r} is none ({answer.kind}); leave --png out")
        from rtsched.plot.platform import block_diagram

        block_diagram(answer.platform, picture)
    if as_json:
        echo_json({"format": 1, "kind": answer.kind, "shown": answer.data})
    else:
        tell(answer.text, picture)
