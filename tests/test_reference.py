"""The reference pages say what the code says; `make reference` writes them, this test keeps them in step."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from interpres import catalog
from interpres.channel import BatchFile, ChannelFile, DestinationCommon, EnrichFile, Retention, SourceCommon
from interpres.cli.main import app, verbs
from interpres.delivery import DELIVERY_EDGES, MESSAGE_EDGES
from interpres.duration import words
from interpres.installation_file import AlertsFile, HealthSettings, InstallationFile, LogSettings, RecipientCommon
from interpres.memory import RememberFile
from interpres.transform import Transform, builtins
from interpres.watch.metrics import every_family
from tests.conftest import ROOT

PAGES = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "interpres"
FAMILIES = {
    "C": "Channels, systems, settings",
    "E": "The environment",
    "H": "HL7 v2",
    "J": "JSON",
    "K": "Text templates",
    "L": "XML",
    "M": "Mappings",
    "N": "Peers and delivery",
    "R": "Rules",
    "T": "Tables: CSV and XLSX",
    "V": "Contracts",
    "X": "Our own bugs",
    "Y": "YAML",
}


def transforms_page() -> str:
    lines = ["# Transforms", "", "What a formula can send a value through. `x | f(a)` is `f(x, a)`.", ""]
    by_module: dict[str, list[Transform]] = {}
    for transform in builtins().values():
        by_module.setdefault(transform.module.rsplit(".", 1)[-1].rstrip("_"), []).append(transform)
    for module, found in sorted(by_module.items()):
        lines += [f"## {module}", ""]
        for t in sorted(found, key=lambda t: t.name):
            lines += [f"### {t.name}", "", t.about, "", "```"]
            lines += [f"{e.call}\n{e.result}" for e in t.examples]
            lines += ["```", ""]
    return "\n".join(lines)


def said(file: Path) -> Iterator[tuple[str, str, str]]:
    """Code, sentence and hint of every Fault that is written out in a file; what is filled in at run time stands as …"""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fault" and node.args):
            continue
        words = [words_of(a) for a in node.args[:3]]
        if words[0] and words[0][0] in FAMILIES and words[0][1:].isdecimal():
            yield words[0], words[1] if len(words) > 1 else "…", words[2] if len(words) > 2 else ""


def words_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return "…"


def faults_page() -> str:
    found: dict[str, set[tuple[str, str]]] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        for code, says, hint in said(file):
            found.setdefault(code, set()).add((says, hint))
    lines = [
        "# Faults",
        "",
        "Every fault has a code, says what is wrong and what to do. … stands for a name, a place or a number.",
    ]
    for family, title in sorted(FAMILIES.items()):
        codes = sorted(c for c in found if c[0] == family)
        if codes:
            lines += ["", f"## {family}: {title}", "", "| code | says | what to do |", "|---|---|---|"]
            lines += [f"| {c} | {cell(s)} | {cell(h)} |" for c in codes for s, h in sorted(found[c])]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def settings_table(model: Any) -> list[str]:
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name, facts in schema.get("properties", {}).items():
        default = "**required**" if name in required else default_of(facts)
        lines.append(f"| `{name}` | {default} | {cell(facts.get('description', ''))} |")
    return [*lines, ""]


def default_of(facts: dict[str, Any]) -> str:
    default = facts.get("default")
    if default in (None, "", [], {}):
        return ""
    if facts.get("type") == "string" and isinstance(default, float):
        return f"`{words(default)}`" if default else ""
    if isinstance(default, list):
        of = facts.get("items", {})
        return ", ".join(default_of({**of, "default": one}) for one in default)
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def channel_page() -> str:
    lines = ["# Channel files", "", *settings_table(ChannelFile)]
    lines += ["## Beside every source", "", *settings_table(SourceCommon)]
    lines += ["## Beside every destination", "", *settings_table(DestinationCommon)]
    lines += ["### Under `remember:`", "", *settings_table(RememberFile)]
    lines += ["### Under `batch:`", "", *settings_table(BatchFile)]
    lines += ["## Under `enrich:`", "", *settings_table(EnrichFile)]
    lines += ["## Under `retention:`", "", *settings_table(Retention)]
    rooms: tuple[catalog.Room, ...] = ("sources", "formats", "destinations", "sign_ins")
    for room in rooms:
        lines += [f"## {room.replace('_', '-').capitalize()}", ""]
        for word in catalog.names(room):
            part = catalog.part(room, word)
            lines += [f"### {word}", "", (part.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip(), ""]
            lines += settings_table(part.Settings)
    return "\n".join(lines)


def installation_page() -> str:
    lines = [
        "# interpres.yaml",
        "",
        "How an engine runs here: a file beside channels/ and mappings/. Without it everything is as it stands here.",
    ]
    lines += ["", *settings_table(InstallationFile)]
    lines += ["## Under `health:`", "", *settings_table(HealthSettings), "## Under `log:`", "", *settings_table(LogSettings)]
    lines += ["## Under `alerts:`", "", *settings_table(AlertsFile)]
    lines += ["Each rule is on with these settings; `false` switches it off.", ""]
    for word in catalog.names("alerts"):
        lines += [f"### {word}", "", first_sentence(catalog.part("alerts", word)), ""]
        lines += settings_table(catalog.part("alerts", word).Settings)
    lines += ["### Beside every recipient (`to:`)", "", *settings_table(RecipientCommon)]
    for word in catalog.names("notices"):
        lines += [f"### {word}", "", first_sentence(catalog.part("notices", word)), ""]
        lines += settings_table(catalog.part("notices", word).Settings)
    return "\n".join(lines)


def first_sentence(part: Any) -> str:
    return (part.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip()


def metrics_page() -> str:
    lines = [
        "# Metrics",
        "",
        "What `/metrics` shows, in Prometheus' text format 0.0.4. Labels are names from recipes and words of interpres: none",
        "holds a value of a message or a lane. Counters begin at zero with the engine; gauges are read from the store and the",
        "machine when asked, at most once a second. A histogram's buckets are in seconds.",
        "",
        "| name | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for family in every_family():
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{family.name}` | {family.kind} | {labels} | {cell(family.about)} |")
    return "\n".join([*lines, ""])


def states_page() -> str:
    lines = [
        "# States",
        "",
        "What a message and a delivery can become, from what. The engine, the store and its proof read the same tables",
    ]
    lines += ["(`delivery.py`); every step is an event in the journal.", ""]
    for title, edges in (("Messages", MESSAGE_EDGES), ("Deliveries", DELIVERY_EDGES)):
        lines += [f"## {title}", "", "```mermaid", "stateDiagram-v2"]
        lines += [f"  {before} --> {after}" for before in edges for after in sorted(edges[before])]
        lines += ["```", "", "| from | to |", "|---|---|"]
        lines += [f"| {before} | {', '.join(sorted(edges[before])) or 'nothing: it is the end'} |" for before in edges]
        lines.append("")
    return "\n".join(lines)


def command_page() -> str:
    lines = ["# Verbs", ""]
    commands = get_command(app(verbs())).commands  # type: ignore[attr-defined]
    for name, command in sorted(commands.items()):
        under = getattr(command, "commands", {})
        lines += verb_lines(f"## interpres {name}", command, options=not under)
        for word, verb in under.items():
            lines += verb_lines(f"### interpres {name} {word}", verb)
    return "\n".join(lines)


def verb_lines(heading: str, command: Any, *, options: bool = True) -> list[str]:
    about, _, example = (command.help or "").partition("\n\n")
    pasted = example.removeprefix("Example: ").strip()
    lines = [heading, "", about.replace("\n", " "), "", "```sh", pasted, "```", ""]
    if not options:
        return lines
    lines += ["| option | meaning |", "|---|---|"]
    for parameter in command.params:
        is_option = parameter.param_type_name == "option"
        written = ", ".join(f"`{o}`" for o in parameter.opts) if is_option else f"`{parameter.metavar or parameter.name}`"
        lines.append(f"| {written} | {cell(getattr(parameter, 'help', '') or '')} |")
    return [*lines, ""]


PAGE = {
    "transforms.md": transforms_page,
    "faults.md": faults_page,
    "channel.md": channel_page,
    "command-line.md": command_page,
    "installation.md": installation_page,
    "metrics.md": metrics_page,
    "states.md": states_page,
}


@pytest.mark.parametrize("name", sorted(PAGE))
def test_the_page_says_what_the_code_says(name: str) -> None:
    assert (PAGES / name).read_text("utf-8") == PAGE[name](), "make reference writes it anew"


if __name__ == "__main__":
    for page, make in PAGE.items():
        (PAGES / page).write_text(make(), "utf-8")
