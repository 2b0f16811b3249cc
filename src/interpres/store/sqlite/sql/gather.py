"""Queries of deliveries that go out together in one request."""

from __future__ import annotations

from interpres.store.sqlite.sql.delivery import CLAIMED

# An attempt without a row was cut off: nobody knows what came of it.
UNCERTAIN = """
d.tries > d.spent and d.tries - d.spent
    > (select count(*) from attempt a where a.delivery = d.id and a.number > d.spent and a.state <> 'uncertain')"""

FRESH = f"""
select d.due, {UNCERTAIN}, {CLAIMED}
where d.destination = ? and d.state = 'waiting' and d.batch is null and d.due <= ? order by d.due, d.lane, d.id limit ?"""

FIRST_BATCH = """
select min(due), batch from delivery indexed by gathered
where batch is not null and state = 'waiting' and destination = ? and due <= ?"""

FIRST_FRESH = """
select due from delivery
where destination = ? and state = 'waiting' and batch is null order by due, lane, id limit 1"""

WHOLE = f"""
select {CLAIMED} where d.batch = ? and d.state = 'waiting' order by d.id"""

JOIN = "update delivery set batch = ? where id = ?"

BATCH = "select batch from delivery where id = ?"

_OF_BATCH = f"""
select d.id, d.message, {UNCERTAIN}, d.destination, n.channel
from delivery d join destination n on n.id = d.destination
where d.state = 'waiting' and d.batch is not null"""  # noqa: S608  (made of our own words)

ONE = f"{_OF_BATCH} and d.id = ?"

OTHERS = f"{_OF_BATCH} and d.batch = ? and d.id <> ?"

OF_DESTINATION = f"""
{_OF_BATCH} and d.destination = ?
    and (d.batch <> d.id
        or exists (select 1 from delivery o where o.batch = d.batch and o.state = 'waiting' and o.id <> d.id))"""  # noqa: S608  (made of our own words)
