"""Neighbours: what is wrong between channels that are each right alone: one port or folder for two, or a circle of folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from interpres import yaml
from interpres.fault import Fault, Place

EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  (compared with, not bound to)
OUR_FOLDERS: Final = frozenset({"done", "rejected"})
"""Below a watched folder, and never taken from."""

_NAMES = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class _Channel:
    """What a channel file says of ports and folders; `writes` holds (folder, whether its name is known to the last, place)."""

    name: str
    at: Place
    host: str = ""
    port: int = 0
    watches: Path | None = None
    recursive: bool = False
    writes: tuple[tuple[Path, bool, Place], ...] = ()

    def takes_from(self, folder: Path, is_whole: bool) -> bool:
        """Whether a file written there is taken in here."""
        if self.watches is None or not folder.is_relative_to(self.watches):
            return False
        below = folder.relative_to(self.watches).parts
        if below and (not self.recursive or below[0] in OUR_FOLDERS):
            return False
        return is_whole or self.recursive


def between(files: Mapping[str, yaml.Node], root: Path) -> Iterator[Fault]:
    """The faults between these channel files (by channel) of the workspace in `root`.

    C134 two listen on one port, C135 two watch one folder, C136 what is written comes in again: that would never end.
    """
    channels = [_channel(name, node, root) for name, node in sorted(files.items())]
    for one, other in combinations(channels, 2):
        if one.port and one.port == other.port and (one.host == other.host or {one.host, other.host} & EVERYWHERE):
            says = f"channel {one.name} listens on port {one.port} too"
            yield Fault("C134", says, "give each channel a port of its own", at=other.at)
        if one.watches and other.watches and (_within(one, other) or _within(other, one)):
            hint = "give each channel a folder of its own: a file would go to the one that is quicker"
            yield Fault("C135", f"channel {one.name} watches this folder too", hint, at=other.at)
    yield from _circles(channels)


def _within(outer: _Channel, inner: _Channel) -> bool:
    assert inner.watches is not None
    return outer.takes_from(inner.watches, is_whole=True)


def _circles(channels: Iterable[_Channel]) -> Iterator[Fault]:
    """A fault for every destination by which a channel's own output comes back to it, told at the first channel by name."""
    known = list(channels)
    leads = {c.name: [(o, at) for folder, whole, at in c.writes for o in known if o.takes_from(folder, whole)] for c in known}
    for channel in known:
        for other, at in leads[channel.name]:
            way = _way(other.name, channel.name, leads)
            if way and channel.name == min(way):
                says = f"what is written here comes in again and again: {' → '.join((channel.name, *way))}"
                yield Fault("C136", says, "let one of them write to a folder that no channel of the circle watches", at=at)


def _way(start: str, end: str, leads: Mapping[str, list[tuple[_Channel, Place]]]) -> tuple[str, ...]:
    """The channels by which one leads to another, both named; none where it does not."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    open_ = [start]
    while open_:
        name = open_.pop()
        if name == end:
            return ways[name]
        for following, _ in leads[name]:
            if following.name not in ways:
                ways[following.name] = (*ways[name], following.name)
                open_.append(following.name)
    return ()


def _channel(name: str, node: yaml.Node, root: Path) -> _Channel:
    """As far as the file can be understood: what is wrong with it is told elsewhere."""
    written = yaml.plain(node)
    written = written if isinstance(written, dict) else {}
    word, settings = next(iter(_map(written.get("source")).items()), ("", None))
    folder = _folder(settings, root) if word == "folder" else None
    more = _map(settings)
    return _Channel(
        name,
        yaml.key_place(node, ("source", word, "path" if word == "folder" else "port")),
        str(more.get("host", "127.0.0.1")),
        port if word != "folder" and isinstance(port := more.get("port"), int) else 0,
        folder,
        more.get("recursive") is True,
        tuple(_writes(node, _map(written.get("destinations")), root)),
    )


def _writes(node: yaml.Node, destinations: Mapping[str, Any], root: Path) -> Iterator[tuple[Path, bool, Place]]:
    for name, destination in destinations.items():
        settings = _map(destination).get("folder")
        folder = _folder(settings, root)
        if folder is not None:
            template = str(_map(settings).get("name", "{received_on}/{message_id}-{part}{suffix}"))
            known, is_whole = [], True
            for part in template.split("/")[:-1]:
                if _NAMES.search(part):
                    is_whole = False
                    break
                known.append(part)
            yield folder.joinpath(*known), is_whole, yaml.key_place(node, ("destinations", name, "folder", "path"))


def _folder(settings: Any, root: Path) -> Path | None:
    path = settings if isinstance(settings, str) else _map(settings).get("path")
    return (root / path).resolve() if isinstance(path, str) and path and "\0" not in path else None


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
