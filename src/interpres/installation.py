"""Installation: how this engine runs here — `interpres.yaml` beside channels/ and mappings/, which may be absent."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from interpres import catalog, yaml
from interpres.alert import Rule, RuleSettings
from interpres.environment import PLACEHOLDER, expand, missing, not_set
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.installation_file import InstallationFile, RecipientCommon
from interpres.notice import Notice
from interpres.settings import model_from_values, model_from_yaml, split_keys

FILE: Final = "interpres.yaml"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told: by which notice, and of which rules (none: of all)."""

    name: str
    notice: Notice = field(repr=False)
    only: frozenset[str] = frozenset()

    def wants(self, rule: str) -> bool:
        """Whether it is told of this rule."""
        return not self.only or rule in self.only


@dataclass(frozen=True, slots=True)
class Installation:
    """`interpres.yaml` made ready: `file` as it stands, rules and recipients made; only these know the secrets."""

    name: str
    file: InstallationFile
    rules: Mapping[str, Rule]
    recipients: Sequence[Recipient] = ()


def read_installation(folder: Path, environment: Mapping[str, str]) -> Installation:
    """What the file in this folder says, or what goes without saying where there is none.

    Raises `Faults`: what YAML and settings find, C110 and C111 for rules, recipients and their ways that there are not, E104
    for a `${NAME}` that is not set.
    """
    node = _node(folder)
    if node is None:
        return Installation(socket.gethostname(), InstallationFile(), dict(_rules({})))
    wrong = _Checked(node)
    if wrong.faults:
        raise Faults(wrong.faults)
    absent = [f.but(level="fault") for f in notes(node, environment)]
    if absent:
        raise Faults(absent)
    file = model_from_yaml(node, InstallationFile)
    recipients = [_recipient(name, expand(written, environment), folder) for name, written in file.alerts.to.items()]
    return Installation(file.name or socket.gethostname(), file, dict(_rules(file.alerts.rules)), tuple(recipients))


def installation_faults(folder: Path, channels: Sequence[str], environment: Mapping[str, str]) -> list[Fault]:
    """Everything that is wrong with the file, without a secret being read; a note for each that is not set here."""
    try:
        node = _node(folder)
    except Faults as wrong:
        return list(wrong)
    if node is None:
        return []
    checked = _Checked(node)
    return [*checked.faults, *_strangers(node, channels), *notes(node, environment)]


def notes(node: yaml.Node, environment: Mapping[str, str]) -> Iterator[Fault]:
    """A note E104 for each `${NAME}` that this environment does not have."""
    places: dict[str, Place] = {}
    for leaf in yaml.leaves(node):
        for name in PLACEHOLDER.findall(leaf.text):
            places.setdefault(name, leaf.at)
    for name in missing(places, environment):
        yield not_set(name, places[name]).but(level="note")


class _Checked:
    """One file, looked through for faults; secrets stay as they are written."""

    def __init__(self, node: yaml.Node) -> None:
        self.faults: list[Fault] = []
        self._try(lambda: model_from_yaml(node, InstallationFile))
        for word, settings in _entries(node, "alerts", "rules"):
            self._try(lambda word=word, settings=settings: _rule_settings(word, settings))
        for name, recipient in _entries(node, "alerts", "to"):
            self._try(lambda name=name, recipient=recipient: self._recipient(name, recipient))
        self.faults = sorted(dict.fromkeys(self.faults), key=lambda f: f.at or Place(FILE))

    def _try(self, work: Any) -> None:
        try:
            work()
        except Fault as wrong:
            self.faults.append(wrong)
        except Faults as wrong:
            self.faults += wrong

    def _recipient(self, name: yaml.Leaf, node: yaml.Node) -> None:
        common, rest = split_keys(node, ["only"])
        written = model_from_yaml(common, RecipientCommon)
        for at, rule in enumerate(written.only):
            if rule not in catalog.names("alerts"):
                raise _no_rule(rule, yaml.place(common, ["only", at]))
        if not isinstance(rest, yaml.Branch) or len(rest.entries) != 1:
            ways = ", ".join(catalog.names("notices"))
            raise Fault("C111", "a recipient is told in one way", f"name one of {ways}, with its settings", at=name.at)
        word, settings = rest.entries[0]
        try:
            model = catalog.part("notices", word.text).Settings
        except Fault as wrong:
            raise wrong.within(at=word.at) from None
        self.faults += _open_secrets(model_from_yaml(settings, model), settings)


def _node(folder: Path) -> yaml.Node | None:
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        says = f"{FILE} cannot be read: {(error.strerror or 'it failed').lower()}"
        raise Faults([Fault("C150", says, "see its rights, and whether it is a file", at=Place(FILE))]) from None
    return yaml.read(content, FILE)


def _entries(node: yaml.Node, *keys: str) -> Sequence[tuple[yaml.Leaf, yaml.Node]]:
    found: yaml.Node | None = node
    for key in keys:
        found = found.get(key) if isinstance(found, yaml.Branch) else None
    return found.entries if isinstance(found, yaml.Branch) else ()


def _rule_settings(word: yaml.Leaf, settings: yaml.Node) -> RuleSettings:
    if word.text not in catalog.names("alerts"):
        raise _no_rule(word.text, word.at)
    model: type[RuleSettings] = catalog.part("alerts", word.text).Settings
    return model_from_yaml(settings, model)


def _no_rule(word: str, at: Place) -> Fault:
    known = catalog.names("alerts")
    return Fault("C110", f"there is no alert '{word}'", did_you_mean(word, known) or f"there are {', '.join(known)}", at=at)


def _strangers(node: yaml.Node, channels: Sequence[str]) -> Iterator[Fault]:
    """Channels that a rule leaves alone and that there are not."""
    for word, settings in _entries(node, "alerts", "rules"):
        listed = settings.get("except") if isinstance(settings, yaml.Branch) else None
        for item in listed.items if isinstance(listed, yaml.Row) else ():
            if isinstance(item, yaml.Leaf) and item.text not in channels:
                hint = did_you_mean(item.text, channels) or f"there are {', '.join(channels) or 'none yet'}"
                says = f"there is no channel '{item.text}' for {word.text} to leave alone"
                yield Fault("C153", says, hint, at=item.at, level="warning")


def _open_secrets(settings: BaseModel, node: yaml.Node) -> Iterator[Fault]:
    """Secrets that stand in the file: a webhook's address alone may, where it holds nothing that is secret."""
    for name in ("password", "secret"):
        value = getattr(settings, name, None)
        if isinstance(value, SecretStr) and not PLACEHOLDER.search(value.get_secret_value()):
            hint = f"write ${{NAME}} and set NAME in the environment or in .env; take it that this {name} is known by now"
            yield Fault("C163", f"the {name} stands in the file", hint, at=yaml.place(node, [name]))


def _rules(written: Mapping[str, Any]) -> Iterator[tuple[str, Rule]]:
    for word in catalog.names("alerts"):
        part = catalog.part("alerts", word)
        yield word, part(model_from_values(written.get(word) or {}, part.Settings, Place(FILE)))


def _recipient(name: str, written: Mapping[str, Any], folder: Path) -> Recipient:
    ((word, settings),) = ((k, v) for k, v in written.items() if k != "only")
    part = catalog.part("notices", word)
    made = _settings(settings, part.Settings)
    return Recipient(name, part(made, folder), frozenset(written.get("only") or ()))


def _settings(written: Any, model: type[BaseModel]) -> BaseModel:
    """The settings, by now with their secrets; a list alone is a word's short form."""
    return model.model_validate(written if written is not None else {})
