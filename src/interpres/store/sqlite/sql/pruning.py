"""Queries of pruning: what is old enough and free to go, and what goes with it."""

_UNSETTLED = "('waiting', 'behind', 'sending', 'uncertain', 'held')"


def _has_delivery(condition: str) -> str:
    return f"""(
    exists (select 1 from delivery d where d.id >= m.d0 and d.id < m.d0 + m.nd and {condition})
    or exists (select 1 from delivery d where d.message = m.id and d.run > 0 and {condition}))"""  # noqa: S608  (our own words)


OPEN = f"""(m.state in ('received', 'behind', 'held')
    or {_has_delivery(f"(d.state in {_UNSETTLED} or d.stops and d.state in ('refused', 'dead'))")}
    or exists (select 1 from replay r where r.state = 'going'
        and exists (select 1 from replaying x where x.replay = r.id and x.message = m.id)))"""  # noqa: S608
"""Somebody still needs it: it is not settled, owes something, keeps a lane shut, or is to be replayed."""

PROBLEM = f"""(exists (select 1 from trouble t where t.message = m.id)
    or {_has_delivery("d.state in ('refused', 'dead')")})"""  # noqa: S608
"""Nobody has looked at it yet: it is among the problems."""

_AGED = """
with cut as materialized
    (select value ->> 0 as channel, value ->> 1 as content, value ->> 2 as metadata from json_each(?1))
select {columns}
from message m cross join cut on cut.channel = m.channel
where m.id > ?2 and m.id <= ?3 and (m.at < cut.metadata or m.at < cut.content and m.pruned = 0)"""

WINDOW = "select max(id) from (select id from message where id > ? order by id limit ?)"

CANDIDATES = f"""
{_AGED.format(columns="m.id, m.at < cut.metadata")}
and not {OPEN} and (?4 or not {PROBLEM}) order by m.id"""

_MORE_PIECES = "(max({}.size, 1) - 1) / 1048576"

_OWN_BYTES = f"""
coalesce((select sum(length(z)) from body b
    where m.intake is null and b.id >= m.body and b.id <= m.body + {_MORE_PIECES.format("m")}), 0)
+ coalesce((select sum(length(z)) from body b
    where m.intake = m.id and b.id >= m.body
    and b.id <= m.body + (select {_MORE_PIECES.format("i")} from intake i where i.id = m.intake)), 0)
+ coalesce((select sum(length(b.z)) from (
        select body, size from delivery where id >= m.d0 and id < m.d0 + m.nd
        union select body, size from delivery where message = m.id and run > 0
        union select body, size from run where message = m.id) v
    join body b on b.id >= v.body and b.id <= v.body + {_MORE_PIECES.format("v")}), 0)"""  # noqa: S608
"""Stored bytes of all values that go with a message; those of its intake with the first message of that."""

PLAN = f"""
select channel, keeps, metadata, count(*), sum(bytes) from (
    {
    _AGED.format(
        columns=f'''m.channel as channel, coalesce(m.at < cut.metadata, 0) as metadata,
        case when {OPEN} then 'open' when not ?4 and {PROBLEM} then 'problem' else '' end as keeps,
        case when m.pruned then 0 else {_OWN_BYTES} end as bytes'''
    )
})
group by 1, 2, 3"""  # noqa: S608

# one message

MESSAGE = f"""
select m.channel, m.state, m.intake, m.body, m.size, m.digest, m.d0, m.nd, m.pruned, m.note
from message m where m.id = ? and not {OPEN} and (? or not {PROBLEM})"""  # noqa: S608

DELIVERIES = """
select id, destination, state, body, size, digest, note from delivery where id >= ?1 and id < ?2 and run = 0
union all select id, destination, state, body, size, digest, note from delivery where message = ?3 and run > 0"""

RUNS = "select number, body, size, digest, note from run where message = ?"

PIECES = "select coalesce(sum(length(z)), 0) from body where id >= ? and id <= ?"

REMOVE_PIECES = "delete from body where id >= ? and id <= ?"

EMPTY_MESSAGE = """
update message set pruned = ?, body = case when intake is null then 0 else body end, context = null, note = ? where id = ?"""

EMPTY_DELIVERY = """
update delivery set body = case when body is null then null else 0 end, names = null, answer = null, note = ? where id = ?"""

EMPTY_RUN = """
update run set body = case when body is null then null else 0 end, context = null, note = ? where message = ? and number = ?"""

NOTED_ATTEMPTS = "select number, note from attempt where delivery = ? and note is not null"

EMPTY_ATTEMPT = "update attempt set note = ? where delivery = ? and number = ?"

INTAKE = "select messages, size, body from intake where id = ?"

HAS_CONTENT = "select exists (select 1 from message where id >= ? and id < ? and pruned = 0)"

HAS_MESSAGE = "select exists (select 1 from message where id >= ? and id < ?)"

EMPTY_INTAKE = "update intake set body = 0 where id = ?"

EMPTY_SLICES = "update message set body = 0 where id >= ? and id < ?"

REMOVE_OF_DELIVERY = ("delete from attempt where delivery = ?", "delete from delivery where id = ?")

REMOVE_OF_MESSAGE = (
    "delete from run where message = ?",
    "delete from acted where message = ?",
    "delete from trouble where (cause, message, delivery) in (select cause, message, delivery from trouble where message = ?)",
    "delete from awaited where message = ?",
    "delete from message where id = ?",
)

REMOVE_INTAKE = "delete from intake where id = ?"

ADD_GONE = "insert into gone (kind, id, run, digest) values (?, ?, ?, ?)"

MARK = """
insert into about (name, value) values (?, ?) on conflict (name) do update set value = max(value, excluded.value)"""

# bodies that nothing names

ADD_WASTE = "insert into waste (first, last) values (?, ?)"

WASTE = "select first, last from waste limit 1"

LESS_WASTE = "update waste set first = ? where first = ?"

NO_WASTE = "delete from waste where first = ?"

# the journal

ANY_GONE = "select exists (select 1 from gone)"

JOURNAL = "select seq, at, events, digests, chain from journal where seq > ? order by seq limit ?"

LAST_ROW = "select max(seq) from journal"

HAS = {
    "a": "select exists (select 1 from message where id = ?)",
    "m": "select exists (select 1 from message where id = ?)",
    "r": "select exists (select 1 from message where id = ?)",
    "o": "select exists (select 1 from delivery where id = ?)",
    "d": "select exists (select 1 from delivery where id = ?)",
}
"""By the kind of an event: whether what it names is still there."""

GONE = "select digest from gone where kind = ? and id = ? and run = ?"

FORGET_GONE = "delete from gone where kind = ? and id = ? and run = ?"

SEAL = "update journal set digests = ? where seq = ?"

REMOVE_ROW = "delete from journal where seq = ?"

GAP_BEFORE = "select first from gap where first = (select max(first) from gap where first <= ?1) and last = ?1"

GAP_AFTER = "select last, chain from gap where first = ?"

ADD_GAP = "insert into gap (first, last, chain) values (?, ?, ?)"

REMOVE_GAP = "delete from gap where first = ?"

GAPS = "select first, last, chain from gap order by first"

# what is left over

LAST_KEY = "select max(rowid) from keytail"

STALE_KEYS = """
select rowid from keytail k where rowid > ? and rowid <= ? and not exists (select 1 from message m where m.id = k.id)"""

REMOVE_KEY = "delete from keytail where rowid = ? and not exists (select 1 from message m where m.id = keytail.id)"

STALE_VALUES = """
select collection, key, message from remembered r
where (collection, key) > (?, ?) and not exists (select 1 from message m where m.id = r.message)
order by collection, key limit ?"""

REMOVE_VALUE = "delete from remembered where collection = ? and key = ? and message = ?"

STALE_REPLAYS = "select id from replay where state <> 'going' and at < ? except select replay from run"

REMOVE_REPLAY = "delete from replay where id = ?"

STALE_ACTS = """
select id from act where at < ? except select act from acted except select act from run except select act from replay"""

REMOVE_ACT = "delete from act where id = ?"

STALE_CAUSES = "select id from cause except select cause from trouble"

REMOVE_CAUSE = "delete from cause where id = ?1 and not exists (select 1 from trouble where cause = ?1)"

# the file

FREE_PAGES = "pragma freelist_count"

GIVE_BACK = "pragma incremental_vacuum({})"
