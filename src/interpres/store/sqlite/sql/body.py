"""Queries of the table body."""

ADD = "insert into body (id, codec, z) values (?, ?, ?)"

LAST = "select max(id) from body"

PIECES = "select codec, z from body where id >= ? and id < ? order by id"
