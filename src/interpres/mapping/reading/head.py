"""Head: what stands in front of a mapping's picture — formats, promise, time zone, how times are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from interpres import yaml
from interpres.fault import Fault, Place, did_you_mean
from interpres.values.times import PRECISIONS
from interpres.yaml import Branch, Leaf, Node


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in front of a mapping's picture."""

    about: str
    from_format: str
    from_settings: Mapping[str, Any]
    to: str | None
    to_format: str | None
    to_settings: Mapping[str, Any]
    timezone: str | None
    times: str
    precision: str | None


def read_head(tree: Branch, faults: list[Fault]) -> Head:
    """The head of a mapping file; what is wrong with it goes to `faults` (M120 to M122, M133)."""
    return _HeadReading(faults).head(tree)


class _HeadReading:
    """One head being read."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults

    def head(self, tree: Branch) -> Head:
        word, settings = self.format(tree.get("from"), "from")
        if tree.get("from") is None:
            self.fault("M121", "from: is missing", "name the format whose paths the formulas use: from: hl7v2", tree.at)
        to, to_format, to_settings = self.to(tree.get("to"))
        times, precision = self.times(tree.get("times"))
        about = self.text(tree.get("about"), "about") or ""
        return Head(about, word, settings, to, to_format, to_settings, self.timezone(tree.get("timezone")), times, precision)

    def text(self, node: Node | None, key: str) -> str | None:
        if node is None:
            return None
        if isinstance(node, Leaf) and node.text and not node.text.startswith("="):
            return node.text
        self.fault("M122", f"{key}: wants a text", f"write it behind {key}: on the same line", node.at)
        return None

    def format(self, node: Node | None, key: str) -> tuple[str, Mapping[str, Any]]:
        """`hl7v2` or `{csv: {group_by: [Visit No]}}`."""
        if isinstance(node, Branch) and len(node.entries) == 1:
            word, settings = node.entries[0]
            if isinstance(settings, Branch):
                return word.text, yaml.plain(settings)
            if isinstance(settings, Leaf) and settings.value is None:
                return word.text, {}
        elif isinstance(node, Leaf) and isinstance(node.value, str) and node.text:
            return node.text, {}
        if node is not None:
            hint = f"write {key}: hl7v2, or with settings {key}: {{csv: {{group_by: [Visit No]}}}}"
            self.fault("M122", f"{key}: wants the word of one format", hint, node.at)
        return "", {}

    def to(self, node: Node | None) -> tuple[str | None, str | None, Mapping[str, Any]]:
        """`npca/visit`, `{format: xml}`, `{text: {template: FILE}}`, or `{schema: NAME, format: …}`."""
        if not isinstance(node, Branch):
            return self.text(node, "to"), None, {}
        if not any(did_you_mean(key.text, ("format", "schema")) for key, _ in node.entries):
            word, settings = self.format(node, "to")
            return None, word or None, settings
        for key, _ in node.entries:
            if key.text not in ("format", "schema"):
                hint = did_you_mean(key.text, ("format", "schema")) or "to: has format and schema"
                self.fault("M120", f"to: has no key '{key.text}'", hint, key.at)
        word, settings = self.format(node.get("format"), "format")
        return self.text(node.get("schema"), "schema"), word or None, settings

    def timezone(self, node: Node | None) -> str | None:
        name = self.text(node, "timezone")
        if name is None or node is None:
            return None
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            near = did_you_mean(name, available_timezones()) or did_you_mean(
                name, [z.rsplit("/")[-1] for z in available_timezones()]
            )
            hint = near or "it is named by area and city: Asia/Phnom_Penh"
            self.fault("M133", f"there is no time zone '{name}'", hint, node.at)
            return None
        return name

    def times(self, node: Node | None) -> tuple[str, str | None]:
        """`local`, `utc`, or `{zone: local, precision: milliseconds}`."""
        if node is None:
            return "local", None
        if not isinstance(node, Branch):
            return self.one_of(node, "times", ("local", "utc")) or "local", None
        for key, _ in node.entries:
            if key.text not in ("zone", "precision"):
                hint = did_you_mean(key.text, ("zone", "precision")) or "it has zone and precision"
                self.fault("M120", f"times: has no key '{key.text}'", hint, key.at)
        zone, precision = node.get("zone"), node.get("precision")
        chosen = self.one_of(zone, "zone", ("local", "utc")) if zone else "local"
        return chosen or "local", self.one_of(precision, "precision", PRECISIONS) if precision else None

    def one_of(self, node: Node, key: str, known: tuple[str, ...]) -> str | None:
        if isinstance(node, Leaf) and node.text in known:
            return node.text
        written = node.text if isinstance(node, Leaf) else ""
        hint = did_you_mean(written, known) or f"write {' or '.join(known)}"
        self.fault("M133", f"{key}: is none of {', '.join(known)}", hint, node.at)
        return None

    def fault(self, code: str, says: str, hint: str, at: Place) -> None:
        self.faults.append(Fault(code, says, hint, at=at))
