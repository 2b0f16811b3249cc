"""OpenAPI: the operations of a system as its contract names them — method, path, parameters, what is sent and answered.

OpenAPI 3.1.1: Paths Object (4.8.8), Operation Object (4.8.10), Parameter Object (4.8.12), Reference Object (4.8.23).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast
from urllib.parse import quote

from interpres import yaml
from interpres.fault import Fault, Faults

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing at the peer (RFC 9110, 9.2.1)."""
IDEMPOTENT: Final = SAFE | {"PUT", "DELETE"}
"""Methods of which several alike have the effect of one (RFC 9110, 9.2.2)."""

Where = Literal["path", "query", "header", "cookie"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `required` where a call cannot be made without it."""

    name: str
    where: Where
    required: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `body` is the name of the schema of what is sent (`npca/visit`), where one has a name; `media_type`
    what it is sent as; `answers_as` the media types that a success promises. `signed`: the call needs the sign-in. `fields` are
    the names of all fields that the contract knows.

    `idempotent` and `key_header` are what the system's file adds; `given` the headers that the system always sends.
    """

    name: str
    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    media_type: str | None = None
    answers_as: frozenset[str] = frozenset()
    signed: bool = True
    about: str = ""
    fields: frozenset[str] = field(default=frozenset(), repr=False)
    idempotent: bool = False
    key_header: str | None = None
    given: frozenset[str] = field(default=frozenset())

    def with_facts(self, given: Collection[str], idempotent: bool = False, key_header: str | None = None) -> Operation:
        """The operation with what stands in the system's file."""
        names = frozenset(n.casefold() for n in given)
        return replace(self, idempotent=idempotent or self.method in IDEMPOTENT, key_header=key_header, given=names)

    @property
    def asked(self) -> tuple[Parameter, ...]:
        """The parameters that a caller may give: not the headers that the system always sends or fills with the key."""
        always = self.given | {(self.key_header or "").casefold()}
        return tuple(p for p in self.parameters if not (p.where == "header" and p.name.casefold() in always))

    def placed(self, values: Mapping[str, str]) -> tuple[str, list[tuple[str, str]], dict[str, str]]:
        """Path, query and headers for these values. Raises `Faults` N221 for what is missing or has no place."""
        known = {p.name: p for p in self.asked}
        faults = [
            Fault("N221", f"{self.name} has no parameter '{n}'", "see the operation in openapi.yaml")
            for n in values
            if n not in known
        ]
        for parameter in known.values():
            value = values.get(parameter.name)
            if parameter.required and not value:
                says = f"{self.name} needs a value for '{parameter.name}'"
                faults.append(Fault("N221", says, "give it one under with: or parameters:", target=parameter.name))
            elif parameter.where == "path" and value in (".", ".."):
                says = f"the value for '{parameter.name}' would lead to another path"
                faults.append(Fault("N221", says, "a part of a path is a name", target=parameter.name))
            elif parameter.where in ("header", "cookie") and value and not _fits_header(value):
                says = f"the value for '{parameter.name}' cannot stand in a header"
                faults.append(Fault("N221", says, "headers hold one line of visible ASCII", target=parameter.name))
        if faults:
            raise Faults(faults)
        path = self.path
        for name, parameter in known.items():
            if parameter.where == "path":
                path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
        query = [(n, values[n]) for n, p in known.items() if p.where == "query" and n in values]
        return path, query, {n: values[n] for n, p in known.items() if p.where == "header" and n in values}


def read_operations(node: yaml.Node, system: str) -> dict[str, Operation]:
    """The operations by operationId. Raises `Faults` C165: no paths, an id given twice, a reference that leads to nothing."""
    paths = node.get("paths") if isinstance(node, yaml.Branch) else None
    if not isinstance(paths, yaml.Branch):
        raise Faults([Fault("C165", "this is not OpenAPI: it has no paths", "see OpenAPI 3.1, 4.8.8", at=node.at)])
    return _Reading(node, system).operations(paths)


class _Reading:
    def __init__(self, node: yaml.Node, system: str) -> None:
        self.node = node
        self.system = system
        self.faults: list[Fault] = []
        self.fields = frozenset(_fields(node))

    def operations(self, paths: yaml.Branch) -> dict[str, Operation]:
        found: dict[str, Operation] = {}
        for path, item in paths.entries:
            for method, written in self.branch(item).entries:
                if method.text in METHODS and (operation := self.operation(path.text, method.text, written, item)):
                    if operation.name in found:
                        at = self.branch(written).at
                        self.faults.append(
                            Fault("C165", f"the operationId '{operation.name}' is given twice", "each is one operation's", at=at)
                        )
                    found[operation.name] = operation
        if self.faults:
            raise Faults(self.faults)
        return found

    def operation(self, path: str, method: str, written: yaml.Node, item: yaml.Node) -> Operation | None:
        plain = self.plain(written)
        name = plain.get("operationId")
        if not isinstance(name, str):
            return None
        branch = self.branch(written)
        body, media_type = self.body(branch.get("requestBody"))
        own = tuple(self.parameters(branch.get("parameters")))
        shared = tuple(p for p in self.parameters(self.branch(item).get("parameters")) if p.name not in {o.name for o in own})
        return Operation(
            name=name,
            method=method.upper(),
            path=path,
            parameters=shared + own,
            body=body,
            media_type=media_type,
            answers_as=frozenset(self.answers_as(branch.get("responses"))),
            signed=plain.get("security") != [],
            about=str(plain.get("summary") or plain.get("description") or ""),
            fields=self.fields,
        )

    def parameters(self, rows: yaml.Node | None) -> Iterator[Parameter]:
        for row in rows.items if isinstance(rows, yaml.Row) else ():
            said = self.plain(row)
            if isinstance(said.get("name"), str) and said.get("in") in ("path", "query", "header", "cookie"):
                where = cast(Where, said["in"])
                yield Parameter(said["name"], where, said.get("required") is True, str(said.get("description", "")))

    def body(self, said: yaml.Node | None) -> tuple[str | None, str | None]:
        """The schema's name and the media type of what is sent: JSON where it may be chosen, else the first."""
        content = self.plain(said).get("content")
        if not isinstance(content, dict) or not content:
            return None, None
        media_type = "application/json" if "application/json" in content else next(iter(content))
        schema = content[media_type].get("schema") if isinstance(content[media_type], dict) else None
        return self.schema_name(schema), media_type

    def schema_name(self, schema: Any) -> str | None:
        """`npca/visit` for `visit.json` beside the file, `npca/openapi#/components/…` for one of its own."""
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            return None
        if reference.startswith("#"):
            return f"{self.system}/openapi{reference}"
        file, _, member = reference.partition("#")
        stem = file.removeprefix("./").removesuffix(".json").removesuffix(".yaml")
        return f"{self.system}/{stem}" + (f"#{member}" if member else "")

    def answers_as(self, responses: yaml.Node | None) -> Iterator[str]:
        for status, response in self.branch(responses).entries:
            if status.text.startswith("2"):
                yield from self.plain(response).get("content") or {}

    def branch(self, node: yaml.Node | None) -> yaml.Branch:
        """The map that stands here or at the place that its `$ref` names."""
        if isinstance(node, yaml.Branch):
            reference = node.get("$ref")
            if isinstance(reference, yaml.Leaf) and reference.text.startswith("#/"):
                return self.referred(reference)
            return node
        return yaml.Branch((), self.node.at)

    def referred(self, reference: yaml.Leaf) -> yaml.Branch:
        found: yaml.Node | None = self.node
        for key in reference.text[2:].split("/"):
            found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, yaml.Branch) else None
        if isinstance(found, yaml.Branch) and found.get("$ref") is None:
            return found
        self.faults.append(
            Fault(
                "C165",
                "this reference leads to nothing",
                "it begins with #/components/ and ends at a name there",
                at=reference.at,
            )
        )
        return yaml.Branch((), reference.at)

    def plain(self, node: yaml.Node | None) -> dict[str, Any]:
        made: dict[str, Any] = yaml.plain(self.branch(node))
        return made


def _fields(node: yaml.Node) -> Iterator[str]:
    """The names under every `properties:`, and those of parameters."""
    open_ = [node]
    while open_:
        match open_.pop():
            case yaml.Branch() as branch:
                open_ += [value for _, value in branch.entries]
                if isinstance(properties := branch.get("properties"), yaml.Branch):
                    yield from (name.text for name, _ in properties.entries)
                if isinstance(name := branch.get("name"), yaml.Leaf) and branch.get("in") is not None:
                    yield name.text
            case yaml.Row() as row:
                open_ += row.items
            case _:
                pass


def _fits_header(value: str) -> bool:
    return value.isascii() and value.isprintable()
