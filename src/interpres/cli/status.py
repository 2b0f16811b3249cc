"""status: one look at everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace
from interpres.fault import Fault

OPEN: Final = ("held", "uncertain", "refused", "dead")
"""States of deliveries that are told one by one: a person has to look at them, or nobody can know."""


def command(
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Tell at one look how each channel stands: its source, what it took, what each destination is owed and since when.

    Example: interpres status
    """
    talk.manner(quiet=quiet, as_json=as_json)
    told = acting.done(workspace(folder, var), "status")
    if as_json:
        talk.row(told)
        return
    for line in lines(told):
        talk.line(line)


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What is printed: the engine, a line for each channel and below it one for each destination, the store."""
    engine = told["engine"]
    if engine:
        yield f"the engine runs, version {engine['version']}, process {engine['pid']}"
    else:
        yield "no engine runs here; this is what the store holds (interpres run starts one)"
    for channel in told["channels"]:
        yield _channel(channel, running=bool(engine))
        for system, rest in channel["asks"].items():
            yield f"    ? {system}  resting{_rest({'rests': rest})}"
        for destination in channel["destinations"]:
            yield f"    → {_destination(destination)}"
    for channel, faults in told["refused_reload"].items():
        runs = any(c["channel"] == channel and c["runs"] for c in told["channels"])
        stands = "goes by its files of before: the new ones have faults" if runs else "does not run: its files have faults"
        yield f"{channel} {stands}"
        yield from (f"    {Fault.from_dict(facts).line()}" for facts in faults)
    for alert in told["alerts"]:
        yield f"ALERT since {alert['since']}  {alert['about']}: {alert['says']} — {alert['hint']}"
    yield _store(told["store"])


def _channel(channel: Mapping[str, Any], *, running: bool) -> str:
    if channel["paused"]:
        source = acting.paused_words(channel["paused"])
    elif channel["says"]:
        source = channel["says"] + ("" if channel["taking"] else " (not taking anything just now)")
    else:
        source = "is not run by this engine" if running else "does not run"
    states = channel["messages"]
    taken = [f"{sum(states.values())} taken"]
    taken += [f"{states[s]} {s}" for s in ("rejected", "held") if states.get(s)]
    if waiting := states.get("received"):
        taken.append(f"{waiting} not yet processed{_oldest(channel)}")
    taken += [f"{channel[n]} {w}" for n, w in (("refused_at_edge", "refused at the edge"), ("duplicates", "again")) if channel[n]]
    return f"{channel['channel']}  {source}  ·  {', '.join(taken)}"


def _destination(destination: Mapping[str, Any]) -> str:
    states = destination["deliveries"]
    state = acting.paused_words(destination["paused"]) if destination["paused"] else destination["state"] + _rest(destination)
    parts = [f"{destination['destination']}  {state}"]
    waiting = states.get("waiting", 0) + states.get("sending", 0)
    parts.append(f"{waiting} waiting{_oldest(destination)}" if waiting else "nothing waits")
    parts += [f"{states[s]} {s}" for s in OPEN if states.get(s)]
    delivered = destination["last_delivered_at"]
    parts.append(f"{states.get('delivered', 0)} delivered" + (f", last at {delivered}" if delivered else ""))
    return "  ·  ".join((parts[0], ", ".join(parts[1:])))


def _rest(destination: Mapping[str, Any]) -> str:
    rest = destination["rests"]
    if not rest:
        return ""
    again = f"asked again in {acting.ago(rest['probe_in_seconds'])}" if rest["probe_in_seconds"] else "about to be asked again"
    return f" for {acting.ago(rest['for_seconds'])}, {again}: {rest['says']}"


def _oldest(facts: Mapping[str, Any]) -> str:
    return f" (the oldest for {acting.ago(facts['oldest_seconds'])})" if facts["oldest_seconds"] is not None else ""


def _store(store: Mapping[str, Any]) -> str:
    durability = store["durability"]
    synced = f", commits synced: {durability['synchronous']}" if durability else ""
    return f"the store takes {store['bytes'] / (1 << 20):.1f} MiB{synced}"
