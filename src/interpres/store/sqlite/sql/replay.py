"""Queries that plan a replay, in temporary tables of the connection that asks."""

LISTS = """
create temp table if not exists chosen (message integer primary key, channel integer, lane integer, state text);
create temp table if not exists newest (channel integer, lane integer, message integer, primary key (channel, lane))
    without rowid;
delete from chosen; delete from newest"""

DROP = "drop table if exists temp.chosen; drop table if exists temp.newest"

CHOOSE = """
insert into chosen select m.id, m.channel, m.lane, m.state from message m join channel c on c.id = m.channel where {where}"""

CHANNELS = "c.name in (select value from json_each(?))"
STATE = "m.state = ?"
IDS = "m.id in (select value from json_each(?))"
KEY = "exists (select 1 from json_each(m.keys) where key = ? and value = ?)"
SINCE = "m.at >= ?"
UNTIL = "m.at < ?"
CAUSE = "m.id in (select message from trouble where cause = ?)"

OPEN = "delete from chosen where state in ('received', 'behind', 'held')"

PRUNED = "delete from chosen where (select pruned from message where id = chosen.message)"

NEWEST = """
insert into newest select n.channel, d.lane, max(d.message)
from delivery d join destination n on n.id = d.destination
where d.message > (select min(message) from chosen) and d.state not in ('refused', 'dead', 'dropped')
    and d.message not in (select message from chosen)
    and (?1 is null or n.name in (select value from json_each(?1)))
group by n.channel, d.lane"""

OLDER = """
delete from chosen where exists (
    select 1 from newest n where n.channel = chosen.channel and n.lane = chosen.lane and n.message > chosen.message)"""

CHOSEN = "select message from chosen order by message"

BY_CHANNEL = "select c.name, count(*) from chosen x join channel c on c.id = x.channel group by c.name order by c.name"
