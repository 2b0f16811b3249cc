"""Queries of the tables message and intake."""

ADD = """
insert into message (id, at, channel, state, due, lane, intake, start, size, body, digest, d0, nd, recipe, envelope, keys,
    context, note)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

ADD_INTAKE = "insert into intake (id, messages, size, body, head, digest) values (?, ?, ?, ?, ?, ?)"

LAST = """
select max(coalesce((select max(id) from message), 0), coalesce((select value from about where name = 'last_message'), 0))"""

NUMBER = "select count(*) from message"

OPEN = """
select m.at, m.channel, c.name, m.state, m.lane, m.digest, m.note, m.run
from message m join channel c on c.id = m.channel where m.id = ?"""

FINISH = "update message set state = ?, d0 = ?, nd = ?, recipe = ?, context = ?, note = ? where id = ?"

FINISH_AGAIN = "update message set state = ?, recipe = ?, context = ?, note = ? where id = ?"

KEYS = "update message set keys = ? where id = ?"

POSTPONE = "update message set due = ?, tries = tries + 1, note = ? where id = ? and state = 'received'"

PROMOTE = """
update message set state = 'received', due = 0
where id = (select id from message where channel = ? and lane = ? and state = 'behind' order by id limit 1)"""

WAKE = """
update message set due = ?2
where channel = (select id from channel where name = ?1) and state = 'received' and due > ?2"""

CAP_DUE = "update message set due = ?1 where state = 'received' and due > ?1"

MARK_EARLY = "update message set early = 1 where id >= ? and id < ?"

HEADS = """
select id, lane, tries, max(at, since) from message
where channel = ? and state = 'received' and due <= ? order by due, id limit ?"""

NEXT_DUE = "select min(due) from message where channel = ? and state = 'received' and due > ?"

FIRST_DUE = "select min(due) from message where channel = ? and state = 'received'"

LANE_HEAD = "select id, lane, tries, max(at, since) from message where channel = ? and state = 'received' and lane = ?"

LANE_REST = """
select id, lane, tries, max(at, since) from message
where channel = ? and lane = ? and state = 'behind' order by id limit ?"""

OPEN_LANES = """
select channel, lane, count(*) as n from (
    select channel, lane from message where state = 'received'
    union all select channel, lane from message where state = 'behind'
    union all select channel, lane from message where state = 'held')
group by channel, lane"""

NAMED_OPEN_LANES = f"""
select c.name, l.lane, l.n from ({OPEN_LANES}) l join channel c on c.id = l.channel"""  # noqa: S608  (made of our own words)

BYTES = """
select m.at, c.name, m.envelope, m.digest, case when m.pruned then 0 else m.body end, m.start, m.size, i.head
from message m join channel c on c.id = m.channel left join intake i on i.id = m.intake where m.id = ?"""

INTAKE_BYTES = """
select coalesce(i.body, m.body), coalesce(i.size, m.size)
from message m left join intake i on i.id = m.intake where m.id = ?"""

INTAKE_OF = """
select coalesce(i.messages, 1), m.at, coalesce(i.digest, m.digest)
from message m left join intake i on i.id = m.intake where m.id = ?"""

RECORD = """
select m.id, coalesce(m.intake, m.id), m.at, c.name, m.state, m.start, m.size, m.run, m.note, m.early, r.digest,
    m.keys, m.envelope, m.context, m.pruned
from message m join channel c on c.id = m.channel left join recipe r on r.id = m.recipe"""

ROW = RECORD + " where m.id >= ? and m.id < ? order by m.id"

AT_TIME = "select id from message where at = ?"

DELIVERIES_OF = "select d0, nd from message where id = ?"

COUNTS = """
select channel, 0, case state when 'behind' then 'received' else state end, count(*) from message group by 1, 3"""

DIGEST = "select digest from message where id = ?"


def find(conditions: list[str]) -> str:
    """The records that meet all of the conditions, the latest first."""
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return f"{RECORD}{where} order by m.id desc limit ?"


CONDITIONS = {
    "channel": "c.name = ?",
    "state": "m.state = ?",
    "received": "m.state in ('received', 'behind')",
    "since": "m.at >= ?",
    "until": "m.at < ?",
    "id": "m.id in (select value from json_each(?))",
    "key": "exists (select 1 from json_each(m.keys) where key = ? and value = ?)",
}
