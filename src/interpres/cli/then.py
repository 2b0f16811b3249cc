"""Then: a stored message made again by the recipe of its day, for `interpres show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interpres.cli import talk
from interpres.cli.explain import show_rows

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from interpres.replaying.hindsight import Hindsight
    from interpres.store.store import Store
    from interpres.workspace import Workspace


async def made_again(store: Store, message: str, today: Workspace, *, as_json: bool) -> int:
    """Say whether it comes out as it did, where not, and what changed since; 1 where it does not."""
    with await _looked_back(store, message) as then:
        kinds = await then.differences(store)
        facts: dict[str, Any] = {
            "id": then.record.id,
            "recipe": then.record.recipe,
            "same": not kinds,
            "differences": [{"destination": k.destination, "path": k.path, "change": k.change} for k in kinds],
            "versions": {name: list(of) for name, of in then.versions.items()},
            "changed_since": list(then.changed_since(today)),
        }
    if as_json:
        talk.row(facts)
    else:
        _tell(facts, len(then.files))
    return 0 if facts["same"] else 1


async def explained(store: Store, message: str, today: Workspace, *, as_json: bool, destination: str) -> int:
    """Say where every value came from; 1 where nothing was made for faults, which are told."""
    with await _looked_back(store, message) as then:
        rows, found = then.explain(destination)
        changed = then.changed_since(today)
    show_rows(rows, as_json)
    if changed:
        talk.say(f"lines are those of the files of then; changed since: {', '.join(changed)}")
    return talk.faults(found, values=True)


async def _looked_back(store: Store, message: str) -> AbstractContextManager[Hindsight]:
    from interpres.cli.show import sequence_named
    from interpres.message import Message
    from interpres.replaying.hindsight import looked_back

    sequence = await sequence_named(store, message)
    (record,) = await store.records(sequence, 1)
    body = await store.run_body(sequence, record.run)
    came = Message(record.id, sequence, record.channel, record.received_at, body, record.envelope)
    return looked_back(record, came, await store.recipe(record.recipe) if record.recipe else None)


def _tell(facts: dict[str, Any], files: int) -> None:
    talk.result(f"{facts['id']}  by the recipe of its day ({facts['recipe'][:12]}, {files} files)")
    talk.result(
        "  made again, it is byte for byte what is stored" if facts["same"] else "  made again, it is not what is stored:"
    )
    for one in facts["differences"]:
        talk.result(f"    {talk.printable(' '.join(w for w in (one['destination'], one['path'], one['change']) if w))}")
    for name, (was, is_) in facts["versions"].items():
        talk.result(f"  {name} was {was or 'not there'} then and is {is_ or 'not there'} now")
    for name in facts["changed_since"]:
        talk.result(f"  {name} has changed since")
