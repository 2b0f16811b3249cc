"""Editor: JSON Schemas of the workspace's files, made from the settings models that read them, for completion and checks."""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec

from interpres import catalog
from interpres.channel import ChannelFile, DestinationCommon, SourceCommon
from interpres.fault import Fault, did_you_mean
from interpres.installation_file import InstallationFile, RecipientCommon
from interpres.system_file import SystemFile

KINDS = ("channel", "mapping", "system", "installation")


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind of file. Raises `Fault` C155 for a kind that there is not."""
    if kind not in KINDS:
        raise Fault("C155", f"there is no kind of file '{kind}'", did_you_mean(kind, KINDS) or f"there are {', '.join(KINDS)}")
    if kind == "mapping":
        made: dict[str, Any] = msgspec.json.decode(
            resources.files("interpres.mapping").joinpath("mapping.schema.json").read_bytes()
        )
        return made
    return {"channel": _channel, "system": _system, "installation": _installation}[kind]()


def _channel() -> dict[str, Any]:
    made = ChannelFile.model_json_schema()
    properties = made["properties"]
    about = properties["source"]["description"]
    properties["source"] = {**_one_of("sources", SourceCommon), "description": about}
    properties["destinations"]["additionalProperties"] = _one_of("destinations", DestinationCommon)
    properties["format"] = {"anyOf": [{"enum": list(catalog.names("formats"))}, _one_of("formats", None)]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _system() -> dict[str, Any]:
    made = SystemFile.model_json_schema()
    made["properties"]["sign_in"] = _one_of("sign_ins", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _installation() -> dict[str, Any]:
    made = _whole(InstallationFile.model_json_schema())
    alerts = made["properties"]["alerts"]["properties"]
    alerts["to"]["additionalProperties"] = _one_of("notices", RecipientCommon)
    rules = {word: _whole(catalog.part("alerts", word).Settings.model_json_schema()) for word in catalog.names("alerts")}
    alerts["rules"] |= {"properties": rules, "additionalProperties": False}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _one_of(room: catalog.Room, common: Any) -> dict[str, Any]:
    """An object with the common keys and exactly one part's word, whose settings follow that part's model."""
    shared = _whole(common.model_json_schema())["properties"] if common else {}
    words = {word: _whole(catalog.part(room, word).Settings.model_json_schema()) for word in catalog.names(room)}
    return {
        "type": "object",
        "properties": {**shared, **words},
        "additionalProperties": False,
        "oneOf": [{"required": [word]} for word in words],
    }


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its `$defs` written where they are used, so that it can stand inside another."""
    definitions = schema.pop("$defs", {})

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                beside = {k: filled(v) for k, v in node.items() if k != "$ref"}
                return {**filled(definitions[node["$ref"].rsplit("/", 1)[1]]), **beside}
            return {k: filled(v) for k, v in node.items()}
        return [filled(n) for n in node] if isinstance(node, list) else node

    return dict(filled(schema))
