"""Recipes in the store: the files of each, each content kept once, and nothing given back that was damaged."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import apsw
import pytest

from interpres.fault import Fault
from interpres.store.sqlite import SqliteStore

FILES = {
    "channels/visits.yaml": "about: Visits go to the agency.\npassword: ${SECRET}\n",
    "mappings/visit.yaml": "output: {}\n" * 1000,
    "mappings/tables/old.csv": b"from,to\xe9\r\n".decode("utf-8", "surrogateescape"),
}


def told(file: Path, story: Callable[[SqliteStore], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    async def whole() -> Any:
        store = SqliteStore(file, **options)
        await store.open()
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(whole())


def test_a_recipe_comes_back_as_it_was_and_what_recipes_share_is_kept_once(tmp_path: Path) -> None:
    edited = {**FILES, "mappings/visit.yaml": FILES["mappings/visit.yaml"] + "# a remark\n"}

    async def story(store: SqliteStore) -> None:
        for digest, files in (("one", FILES), ("two", edited), ("one", FILES)):
            await store.pin(digest, files)
        assert await store.recipe("one") == FILES
        assert await store.recipe("two") == edited
        assert await store.recipe("three") is None

    told(tmp_path / "store.db", story)
    with apsw.Connection(str(tmp_path / "store.db")) as db:
        assert db.execute("select count(*) from file").get == 4
        assert b"${SECRET}" in zlib.decompress(db.execute("select z from file order by id limit 1").get)


def test_a_pinned_file_that_was_damaged_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    told(file, lambda store: store.pin("one", FILES))
    with apsw.Connection(str(file)) as db:
        db.execute("update file set z = ? where id = 2", (zlib.compress(b"output: {other: 1}"),))

    async def story(store: SqliteStore) -> None:
        with pytest.raises(Fault) as damaged:
            await store.recipe("one")
        assert damaged.value.code == "E124"

    told(file, story, read_only=True)


def test_a_recipe_of_a_store_from_before_files_were_kept_apart_can_still_be_read(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    told(file, lambda store: store.pin("new", FILES))
    with apsw.Connection(str(file)) as db:
        db.execute("insert into recipe (digest, files) values ('old', ?)", (zlib.compress(json.dumps({"a.yaml": "x"}).encode()),))

    async def story(store: SqliteStore) -> None:
        assert await store.recipe("old") == {"a.yaml": "x"}
        await store.pin("old", FILES)
        assert await store.recipe("old") == {"a.yaml": "x"}, "what is pinned never changes"

    told(file, story)
