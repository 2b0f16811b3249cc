"""Queries of the tables delivery and attempt."""

ADD = """
insert into delivery (id, message, run, destination, part, place, state, at, due, tries, lane, stops, body, size, digest,
    media_type, names, seq, note)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

LAST = """
select max(coalesce((select max(id) from delivery), 0), coalesce((select value from about where name = 'last_delivery'), 0))"""

CLAIMED = """
d.id, d.message, m.at, d.run, n.name, d.part, d.lane, d.tries, d.at, d.media_type, d.names, d.spent, d.batch
from delivery d join message m on m.id = d.message join destination n on n.id = d.destination"""

DUE = f"""
select {CLAIMED} where d.destination = ? and d.state = 'waiting' and d.due <= ? order by d.due, d.lane, d.id limit ?"""

CLAIM = "update delivery set state = 'sending', tries = tries + 1, seq = ? where id = ? and state = 'waiting'"

NEXT_DUE = "select min(due) from delivery where destination = ? and state = 'waiting'"

FIRST_DUE = """
select n.name, (select min(due) from delivery d where d.destination = n.id and d.state = 'waiting')
from destination n join channel c on c.id = n.channel where c.name = ?"""

STATE = """
select d.state, d.tries, d.destination, d.lane, d.message, d.stops, n.channel
from delivery d join destination n on n.id = d.destination where d.id = ?"""

SETTLE = "update delivery set state = ?, due = ?, seq = ?, note = ?, answer = coalesce(?, answer) where id = ?"

NEXT_IN_LANE = """
select id, place from delivery where destination = ? and lane = ? and state = 'behind' order by place, id limit 1"""

FIRST_STOP = """
select min(place) from (
    select min(place) as place from delivery where destination = ?1 and lane = ?2 and stops and state in ('refused', 'dead')
    union all
    select min(place) from delivery where destination = ?1 and lane = ?2 and state in ('sending', 'uncertain', 'held'))"""
"""Nothing passes what keeps its lane shut, wherever in the lane it stands."""

BEHIND_OR_STOPPED = """
select (select count(*) from delivery where destination = ?1 and lane = ?2 and state = 'behind')
    + (select count(*) from delivery where destination = ?1 and lane = ?2 and stops and state in ('refused', 'dead'))
    + (select count(*) from delivery
       where destination = ?1 and lane = ?2 and state in ('sending', 'uncertain', 'held') and state = 'held')"""
"""Of what blocks a lane all that is not at work."""

FOR_ACT = """
select d.state, d.destination, d.lane, d.message, d.stops, d.media_type, n.channel, c.name, n.name
from delivery d join destination n on n.id = d.destination join channel c on c.id = n.channel where d.id = ?"""

AGAIN = """
update delivery set state = 'behind', due = 0, at = ?, spent = tries, batch = null, seq = ?, note = null where id = ?"""

END = "update delivery set state = ?, due = 0, seq = ? where id = ?"

PROMOTE = "update delivery set state = 'waiting', due = ? where id = ?"

INTERRUPTED = """
select d.id, d.message from delivery d join destination n on n.id = d.destination join channel c on c.id = n.channel
where c.name = ? and n.name = ? and d.state in ('sending', 'uncertain', 'held') and d.state = 'sending' order by d.id"""
"""The states stand as in the index flight: without them every delivery there ever was would be looked at."""

DESTINATIONS_OF = """
select n.id, n.channel, n.name from destination n join channel c on c.id = n.channel where c.name = ?"""

OPEN_OF_DESTINATION = """
select id, state, message from delivery where destination = ?1 and state = 'waiting'
union all select id, state, message from delivery where destination = ?1 and state = 'behind'
union all select id, state, message from delivery
where destination = ?1 and state in ('sending', 'uncertain', 'held') and state = 'sending'"""

SENDING = """
select d.id, d.tries, n.channel, d.destination from delivery d indexed by flight join destination n on n.id = d.destination
where d.state in ('sending', 'uncertain', 'held') and d.state = 'sending' order by d.id"""

TAKE_BACK = "update delivery set state = 'waiting', due = ?, seq = ?, tries = tries - 1 where id = ?"

CAP_DUE = "update delivery set due = ?1 where state = 'waiting' and due > ?1"

BUSY_LANES = """
select destination, lane, sum(n) from (
    select destination, lane, 1 as n from delivery where state in ('sending', 'uncertain', 'held')
    union all select destination, lane, 1 from delivery where state = 'waiting'
    union all select destination, lane, count(*) from delivery where state = 'behind' group by destination, lane
    union all select destination, lane, 1 from delivery where stops and state in ('refused', 'dead'))
group by destination, lane"""

PAYLOAD = "select message, body, size, digest from delivery where id = ?"

RECORD = """
select d.id, d.message, m.at, d.run, n.name, d.part, d.state, d.due, d.tries, d.at, d.size, d.media_type, d.note, d.answer
from delivery d join message m on m.id = d.message join destination n on n.id = d.destination"""

OF_MESSAGE = f"""
{RECORD} where d.id >= ?1 and d.id < ?2 and d.run = 0
union all {RECORD} where d.message = ?3 and d.run > 0 order by 4, 1"""

COUNTS = """
select n.channel, d.destination, case d.state when 'behind' then 'waiting' else d.state end, count(*)
from delivery d join destination n on n.id = d.destination group by 2, 3"""

DIGEST = "select digest from delivery where id = ?"

ADD_ATTEMPT = "insert into attempt (delivery, number, at, took, state, status, note) values (?, ?, ?, ?, ?, ?, ?)"

ATTEMPTS = "select number, at, took, state, status, note from attempt where delivery = ? order by number"

HAS_ATTEMPT = "select 1 from attempt where delivery = ? and number = ?"
