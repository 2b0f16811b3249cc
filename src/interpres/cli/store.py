"""store: looks after the store: whether it is whole, copies of it, and what was kept long enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, complete_channel, workspace

if TYPE_CHECKING:
    from interpres.store.sqlite.check import Progress

group = typer.Typer(
    help="Look after the store: check it, copy it, bring a copy back, let go of what was kept long enough.\n\n"
    "Example: interpres store check",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PLAN_COLUMNS = ("channel", "keeps", "content of", "every trace of", "frees", "stays")


@group.command()
def check(
    deep: Annotated[bool, typer.Option("--deep", help="Compare every stored byte with its checksum too.")] = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look whether the store is whole, beside a running engine or without one: its file, counts, references, the hash chain.

    Example: interpres store check --deep
    """
    from interpres.store.sqlite.check import check as looked_over

    talk.manner(quiet=quiet, as_json=as_json)
    found = looked_over(_store(folder, var), deep=deep, progress=_progress("messages"))
    told = {n: getattr(found, n) for n in ("messages", "deliveries", "journal", "pruned", "read", "read_bytes")}
    if as_json:
        talk.row({**told, "deep": deep, "faults": [f.as_dict() for f in found.faults]})
    else:
        talk.result(f"looked at {found.messages} messages, {found.deliveries} deliveries, {found.journal} rows of history")
        if deep:
            talk.result(f"compared {found.read} contents, {size(found.read_bytes)}, with their checksums")
            if found.pruned:
                talk.result(f"{found.pruned} messages have no content any more: it was pruned")
        else:
            talk.say("contents were not compared with their checksums: --deep does that")
    talk.faults(found.faults)
    if found.faults:
        talk.say(f"{len(found.faults)} faults; nothing was changed")
        raise typer.Exit(1)
    talk.say("the store is whole")


@group.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy's name; a file of that name must not be there.")],
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copy the store, as it is at this moment, into one file; the engine goes on meanwhile. The copy is proved before it counts.

    Example: interpres store backup /media/backup/interpres-2026-11-21.sqlite
    """
    from interpres.clock import iso_time
    from interpres.store.sqlite.backup import backup as copied

    talk.manner(quiet=quiet, as_json=as_json)
    copy = copied(_store(folder, var), file, progress=_progress("pages"))
    if as_json:
        facts = {"file": str(file), "messages": copy.messages, "deliveries": copy.deliveries, "bytes": copy.size}
        talk.row({**facts, "sha256": copy.sha256, "at": iso_time(copy.at_ms), "tables": copy.version})
        return
    talk.result(f"{file}: {copy.messages} messages, {copy.deliveries} deliveries as of {iso_time(copy.at_ms)}, {size(copy.size)}")
    talk.result(f"sha256 {copy.sha256}")
    talk.say("it was synced, opened again and is whole; keep it on another machine, and as safe as what it holds")


@group.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What interpres store backup wrote.", exists=True, dir_okay=False)],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of a store that holds messages; that is kept aside.")
    ] = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring a backup back as the store, while no engine runs. It is proved first, and what stands there now is kept.

    Example: interpres store restore /media/backup/interpres-2026-11-21.sqlite --replace
    """
    from interpres.clock import iso_time
    from interpres.logs import to_file
    from interpres.station import store_file
    from interpres.store.sqlite.restore import restore as brought_back

    talk.manner(quiet=quiet, as_json=as_json)
    here = workspace(folder, var)
    to_file(here.var / "log" / "interpres.jsonl")
    done = brought_back(file, store_file(here), replace=replace, progress=_progress("bytes"))
    at = iso_time(done.at_ms)
    if as_json:
        facts = {"messages": done.messages, "deliveries": done.deliveries, "at": at, "open": dict(done.open)}
        talk.row({**facts, "aside": str(done.aside) if done.aside else None})
        return
    talk.result(f"{done.messages} messages and {done.deliveries} deliveries are back as they were at {at}")
    if done.aside:
        talk.result(f"what stood there before is kept as {done.aside}")
    for sentence in _after_restore(done.open, at):
        talk.say(sentence)


def _after_restore(open_: Mapping[str, int], at: str) -> Iterable[str]:
    """What whoever restores has to know before the engine starts."""
    yield f"not in it: whatever was accepted after {at}; ask the senders for that time to send it again"
    if waiting := open_.get("waiting", 0):
        yield f"{waiting} deliveries were waiting then: they are sent when the engine starts, though they may have gone out since"
    if sending := open_.get("sending", 0):
        yield f"{sending} were being sent then: they count as uncertain, and are sent again or held for a person"
    if waiting or sending:
        yield "a peer that honours keys acts on each once; one that does not can be paused first (interpres pause)"
    yield "interpres run starts with it; new messages get ids that were never used"


@group.command()
def prune(
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this only the plan is shown.")] = False,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Content older than this, as 90d, whatever the channels say."),
    ] = None,
    metadata: Annotated[bool, typer.Option("--metadata", help="With --older-than: every trace, not only content.")] = False,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Only of this channel; may be repeated.", autocompletion=complete_channel),
    ] = None,
    problems_too: Annotated[
        bool, typer.Option("--problems-too", help="Also what is refused, dead or rejected and was not dropped.")
    ] = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let go of what was kept as long as its channel says (retention:), and give the disk its space back. First shows a plan.

    Example: interpres store prune --older-than 90d
    """
    talk.manner(quiet=quiet, as_json=as_json)
    if metadata and not older_than:
        raise typer.BadParameter("it says how old: --older-than AGE", param_hint="--metadata")
    here = workspace(folder, var)
    asked = {
        "channels": channel or None,
        "older_than_seconds": _seconds(older_than),
        "metadata": metadata or None,
        "problems_too": problems_too or None,
    }
    plan = acting.done(here, "prunable", **asked)
    _show(plan, as_json=as_json and not apply)
    if not apply:
        talk.say("nothing was removed; --apply removes it for good")
        return
    done = acting.done(here, "prune", **asked)
    if as_json:
        talk.row(done)
        return
    gone = f"{done['content']} messages lost their content, {done['metadata']} every trace"
    talk.result(f"{gone}; the store went from {size(done['before_bytes'])} to {size(done['after_bytes'])}")


def _show(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        talk.row(plan)
        return
    if talk.as_json():
        return
    talk.table(PLAN_COLUMNS, [_cells(row) for row in plan["channels"]])


def _cells(row: dict[str, Any]) -> list[str]:
    ages = [f"{what} {age}" for what, age in row["keeps"].items() if age]
    keeps = ", ".join(ages) or "everything"
    if "content" not in row:
        return [row["channel"], keeps, "0", "0", "", ""]
    stays = [f"{row[why]} {why}" for why in ("open", "problems") if row[why]]
    return [row["channel"], keeps, str(row["content"]), str(row["metadata"]), size(row["frees_bytes"]), ", ".join(stays)]


# what they share


def _store(folder: Path | None, var: Path | None) -> Path:
    from interpres.cli.stored import store_of

    return store_of(workspace(folder, var))


def _seconds(written: str | None) -> float | None:
    from interpres.duration import seconds

    if written is None:
        return None
    try:
        return seconds(written)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--older-than") from None


def size(of: int) -> str:
    """Bytes as one would say it."""
    amount = float(of)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _progress(of_what: str) -> Progress:
    """Says on a terminal, ten times at most, how far it is."""
    told = 0

    def tell(done: int, of: int) -> None:
        nonlocal told
        tenth = 10 * done // of if of else 10
        if talk.is_watched() and tenth > told and done < of:
            told = tenth
            talk.say(f"{done} of {of} {of_what}")

    return tell
