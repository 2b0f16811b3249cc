"""Queries of checking and copying: how much there is, what is next, what the file says of itself."""

INTEGRITY = "pragma integrity_check({})"

QUICK = "pragma quick_check({})"

COUNTS = """
select (select count(*) from message), (select count(*) from delivery), (select count(*) from journal),
    (select count(*) from message where pruned)"""

ROWS = "select (select count(*) from message), (select count(*) from delivery)"

NEXT = """
select m.id, m.at, c.name, m.pruned from message m join channel c on c.id = m.channel where m.id > ? order by m.id limit ?"""

PAYLOADS = """
select d.id, n.name from delivery d join destination n on n.id = d.destination
    where d.id >= (select d0 from message where id = ?1) and d.id < (select d0 + nd from message where id = ?1) and d.run = 0
union all select d.id, n.name from delivery d join destination n on n.id = d.destination where d.message = ?1 and d.run > 0"""

EDITS = "select number from run where message = ? and body is not null"

LATEST = "select max(at) from journal"

UNSETTLED = """
select state, count(*) from delivery where state in ('waiting', 'behind', 'sending', 'uncertain', 'held') group by state"""

SET_ABOUT = "insert into about (name, value) values (?, ?) on conflict (name) do update set value = excluded.value"

CANCEL_REPLAYS = """
update replay set state = 'cancelled' where state = 'going';
delete from replaying where replay not in (select id from replay where state = 'going')"""
