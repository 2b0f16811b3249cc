"""test: runs the samples and shows what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from xml.sax.saxutils import escape, quoteattr

import typer

from interpres.cli import talk
from interpres.cli.options import QuietOption, WorkspaceOption, workspace

if TYPE_CHECKING:
    from interpres.samples import Difference


def command(
    paths: Annotated[list[Path] | None, typer.Argument(help="Only the samples below.", show_default=False)] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Make what is so from now on what should be.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Also as JUnit XML.", show_default=False)] = None,
    folder: WorkspaceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run the samples of the channels and show what became of them where it is not what it should be.

    Example: interpres test samples/channels/adt_to_npca
    """
    from interpres import samples
    from interpres.fault import Fault, Faults

    talk.manner(quiet=quiet)
    here = workspace(folder)
    found: dict[str, list[Difference]] = {}
    broken: set[str] = set()
    for sample in samples.samples_in(here, paths):
        try:
            made = samples.run(here, sample)
        except (Fault, Faults) as wrong:
            # What is wrong with a channel is never what should become of its messages, so it cannot be accepted.
            found[sample.name] = [samples.Difference(sample.folder, str(wrong))]
            broken.add(sample.name)
        else:
            found[sample.name] = list(samples.differences(sample, made))
        if accept and sample.name not in broken:
            for file in samples.accept(sample, made):
                talk.say(f"accepted {file.relative_to(here.folder)}")
        else:
            _show(sample.name, found[sample.name])
    if junit is not None:
        junit.write_text(_junit(found), "utf-8")
    failed = len(broken) if accept else sum(bool(d) for d in found.values())
    samples_in_all = f"{len(found)} sample{'' if len(found) == 1 else 's'}"
    talk.say(f"{samples_in_all}, {f'{failed} of them not' if failed else 'all'} as they should be")
    if not found:
        talk.say("there is no sample here: a sample is a folder samples/channels/<channel>/<what_happens>/ with a file in.*")
    raise typer.Exit(1 if failed or not found else 0)


def _show(name: str, differences: list[Difference]) -> None:
    if differences:
        talk.result(f"✗ {name}")
        for difference in differences:
            talk.result("    " + difference.words.replace("\n", "\n    "))


def _junit(found: dict[str, list[Difference]]) -> str:
    cases = []
    for name, differences in found.items():
        channel, _, happens = name.partition("/")
        failure = "".join(
            f"<failure message={quoteattr(d.file.name + ' differs')}>{escape(d.words)}</failure>" for d in differences
        )
        cases.append(f"<testcase classname={quoteattr(channel)} name={quoteattr(happens)}>{failure}</testcase>")
    failures = sum(bool(d) for d in found.values())
    head = f'<testsuite name="interpres" tests="{len(found)}" failures="{failures}">'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}{"".join(cases)}</testsuite>\n'
