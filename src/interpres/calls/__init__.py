"""Calls: one operation of a system — what destinations, enrich and poll share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from pydantic import ValidationError

from interpres import catalog
from interpres.answer import Answer, Reply, State, passing, peer_faults, refusal, retry_after_seconds, shut_out
from interpres.calls.line import Line, Request
from interpres.calls.named import by_our_names
from interpres.document import MISSING, Tree
from interpres.environment import expand, placeholders
from interpres.fault import Fault, Faults, TryAgain, did_you_mean
from interpres.openapi import SAFE, Operation
from interpres.sign_in import Clock, SignIn
from interpres.system import Meaning, System, address_fault

if TYPE_CHECKING:
    import httpx2

FORM: Final = "application/x-www-form-urlencoded"
_STATES: Final[Mapping[str, State]] = {"delivered": "delivered", "hold": "held", "refused": "refused", "missing": "missing"}


class Calls:
    """Every system's operations as `system/operation`. A system is opened by the first call; only then is `${…}` expanded.

    `transport` stands in for the network where that is wanted (httpx2's ASGITransport).
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        environment: Mapping[str, str],
        *,
        clock: Clock = time.monotonic,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._systems = systems
        self._environments = dict.fromkeys(systems, environment)
        self._clock = clock
        self._transport = transport
        self._lines: dict[str, Line] = {}
        self._made_of: dict[str, Any] = {}
        self._retired: list[Line] = []
        json = catalog.part("formats", "json")
        self._json = json(json.Settings())

    def operation(self, call: str) -> Operation:
        """What `system/operation` is. Raises `Fault` N220 where there is none."""
        name, _, operation = call.partition("/")
        system = self._systems.get(name)
        if system is None or operation not in system.operations:
            known = [f"{s.name}/{o}" for s in self._systems.values() for o in s.operations]
            raise Fault("N220", f"there is no operation '{call}'", did_you_mean(call, known) or "see schemas/*/openapi.yaml")
        return system.operations[operation]

    async def call(
        self,
        call: str,
        parameters: Mapping[str, Any] | None = None,
        body: Tree | bytes = None,
        key: str | None = None,
        media_type: str | None = None,
        each: str = "",
    ) -> Answer:
        """One call and what its answer means.

        `body` is a tree or the bytes of one; `key` goes into the operation's `key_header`. `each` names a list in the answer:
        its entries have a meaning each, as `item` in the formulas of `answers`. Raises `TryAgain` for a sick peer
        (`uncertain` where it may have acted: silence after the request was out, a gateway's 502 or 504; never for an operation
        that only asks), `Fault` N220, N222 or `Faults` N221 for a call that cannot be made.
        """
        operation = self.operation(call)
        system = self._systems[call.partition("/")[0]]
        request = self._request(operation, parameters or {}, body, key, media_type)
        reply = await self._line(system).exchange(request)
        return by_our_names(self._read(system, operation, reply, each), operation, body, system.name)

    async def renew(self, systems: Mapping[str, System], environment: Mapping[str, str]) -> None:
        """Speak to these systems from now on, as the environment says now. A system that is not among them stays as it was, and
        where it was.

        Only where address, headers, sign-in or limits changed is a line given up, and not before its last call has ended: the
        others keep their connections and tokens.
        """
        self._systems = {**self._systems, **systems}
        self._environments |= dict.fromkeys(systems, environment)
        changed = [n for n in self._lines if n in systems and self._made_of[n] != _made_of(systems[n], environment)]
        retired = [self._lines.pop(name) for name in changed]
        self._retired = [line for line in (*self._retired, *retired) if line.in_use]
        for line in retired:
            await line.retire()

    async def close(self) -> None:
        """Let go of all connections and forget all tokens."""
        lines, self._lines, self._retired = [*self._lines.values(), *self._retired], {}, []
        for line in lines:
            await line.close()

    def _request(
        self, operation: Operation, parameters: Mapping[str, Any], body: Any, key: str | None, media_type: str | None
    ) -> Request:
        values = {n: _written(v) for n, v in parameters.items() if v is not None and v is not MISSING}
        path, query, headers = operation.placed(values)
        headers["Accept"] = ", ".join(sorted(operation.answers_as)) or "application/json"
        if operation.key_header and key:
            headers[operation.key_header] = key
        content = None
        if body is not None and body is not MISSING:
            headers["Content-Type"] = media_type or operation.media_type or "application/json"
            content = self._content(body, headers["Content-Type"])
        return Request(operation.method, path, query, headers, content, operation.signed)

    def _content(self, body: Any, media_type: str) -> bytes:
        if isinstance(body, bytes):
            return body
        if media_type == FORM and isinstance(body, dict):
            return urlencode({k: _written(v) for k, v in body.items()}).encode()
        encoded: bytes = self._json.encode(body)
        return encoded

    def unready(self) -> Iterator[Fault]:
        """What keeps systems from being opened, found without a word to any of them: E102 and E104 to E106."""
        for system in self._systems.values():
            try:
                self._line(system)
            except Fault as wrong:
                yield wrong

    def _line(self, system: System) -> Line:
        if system.name not in self._lines:
            self._lines[system.name] = self._opened(system)
            self._made_of[system.name] = _made_of(system, self._environments[system.name])
        return self._lines[system.name]

    def _opened(self, system: System) -> Line:
        """The line to a system. Raises `Fault` E104 for a name that is not set, E105 for an address that is none."""
        environment = self._environments[system.name]
        base_url = expand(system.base_url, environment)
        if wrong := address_fault(base_url):
            name = next(placeholders(system.base_url), "")
            raise Fault("E105", f"{name}: {wrong.says}", wrong.hint, at=system.placeholders.get(name))
        headers = expand(system.headers, environment)
        line = Line(system.name, base_url, system.limits, headers, self._clock, self._transport)
        line.sign_in = self._sign_in(system, line)
        return line

    def _sign_in(self, system: System, line: Line) -> SignIn | None:
        if system.sign_in is None:
            return None
        part = catalog.part("sign_ins", system.sign_in.word)
        try:
            settings = part.Settings.model_validate(expand(system.sign_in.written, self._environments[system.name]))
        except ValidationError as wrong:
            named = ", ".join(str(e["loc"][-1]) for e in wrong.errors(include_input=False) if e["loc"]) or system.sign_in.word
            says = f"{system.name} cannot be signed in to: what the environment says for {named} does not fit"
            raise Fault("E106", says, "see sign_in in its system.yaml", at=system.sign_in.at) from None
        made: SignIn = part(settings, system.name, line.ask, self._clock)
        return made

    def _read(self, system: System, operation: Operation, reply: Reply, each: str = "") -> Answer:
        tree = MISSING if reply.fault or not reply.body else self._tree(reply.body)
        sick = passing(reply, system.name) or shut_out(reply, system.name)
        meanings = system.meanings.get(operation.name, ())
        state = self._meant(meanings, tree, reply, MISSING, sick is not None)
        if state is None and sick is not None:
            raise TryAgain(sick.says, after_seconds=sick.after_seconds, uncertain=sick.uncertain and operation.method not in SAFE)
        if state is None:
            state = self._by_status(operation, reply, bool(meanings))
        faults = tuple(self._faults(system, operation, reply, tree, state))
        items = self._items(system, operation, reply, tree, each) if each else None
        return Answer(state, reply.status, reply.headers, tree, faults, retry_after_seconds(reply), items)

    def _items(self, system: System, operation: Operation, reply: Reply, tree: Any, each: str) -> tuple[Answer, ...] | None:
        """What each entry of the answer's list means."""
        found = tree.get(each) if isinstance(tree, dict) else None
        if not isinstance(found, list):
            return None
        meanings = system.meanings.get(operation.name, ())
        answers = []
        for item in found:
            state = self._meant(meanings, tree, reply, item) or self._by_status(operation, reply, bool(meanings))
            faults = tuple(self._faults(system, operation, reply, item, state))
            answers.append(Answer(state, reply.status, reply.headers, item, faults))
        return tuple(answers)

    def _tree(self, body: bytes) -> Any:
        try:
            return self._json.decode(body).tree
        except (Fault, Faults):
            return MISSING

    def _meant(self, meanings: tuple[Meaning, ...], tree: Any, reply: Reply, item: Any, sick: bool = False) -> State | None:
        """What the first true formula says. On a status that says try again only those that look at the status are asked:
        the envelope of a 503 says `success: false` too, and is no refusal."""
        names = {"http": {"status": reply.status, "headers": dict(reply.headers)}, "item": item}
        for meaning in meanings:
            if sick and not meaning.reads_status:
                continue
            try:
                if meaning.true_for(tree, names) is True:
                    return _STATES[meaning.state]
            except (Fault, Faults):
                continue  # a formula about what this answer does not hold is not true
        return None

    def _by_status(self, operation: Operation, reply: Reply, has_meanings: bool) -> State:
        if not 200 <= reply.status <= 299:
            return "refused"
        if has_meanings or reply.fault:
            return "held"
        # A page for people in place of the answer: somebody's sign-in form or proxy took the request, and nothing was done.
        is_page = reply.media_type == "text/html" and "text/html" not in operation.answers_as
        return "held" if is_page and operation.answers_as else "delivered"

    def _faults(self, system: System, operation: Operation, reply: Reply, tree: Any, state: State) -> list[Fault]:
        if state in ("delivered", "missing"):
            return []
        named = [reply.fault] if reply.fault else []
        named += peer_faults(tree, system.name)
        if state == "refused" and not 200 <= reply.status <= 299:
            return [refusal(reply.status, system.name), *named]
        if named:
            return named
        if state == "refused":
            return [Fault("N241", f"{system.name} refuses it", "see what it answered, mend the record, and send it again")]
        says = f"the answer of {system.name} to {operation.name} ({reply.status}) is not one that we know"
        hint = "see what it answered, then release or drop it; answers: in its system.yaml says what counts"
        return [Fault("N242", says, hint)]


def _made_of(system: System, environment: Mapping[str, str]) -> Any:
    """What a line is made of; where that is not to be had, something that equals nothing else."""
    try:
        sign_in = system.sign_in and (system.sign_in.word, expand(system.sign_in.written, environment))
        return expand(system.base_url, environment), expand(system.headers, environment), sign_in, system.limits
    except Fault:
        return object()


def _written(value: Any) -> str:
    """A parameter's value as text: `true`, `12`, `1.50`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
