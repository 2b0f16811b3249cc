"""Queries of the tables act, acted, run, paused, replay and replaying."""

ADD_ACT = "insert into act (at, kind, who, reason) values (?, ?, ?, ?) returning id"

ADD_ACTED = "insert into acted (act, message, delivery) values (?, ?, ?)"

ACTS = """
select a.at, a.kind, a.who, a.reason, x.delivery from acted x join act a on a.id = x.act
where x.message = ? order by a.id, x.delivery"""

MESSAGE = """
select m.state, c.name, m.channel, m.lane, m.run, m.recipe, m.context, m.note, m.at, m.since, m.digest, m.pruned
from message m join channel c on c.id = m.channel where m.id = ?"""

ADD_FIRST = """
insert into run (message, number, at, asks) values (?, ?, ?, 1) on conflict (message, number) do nothing"""

ADD = """
insert into run (message, number, at, act, replay, targets, asks, body, size, digest)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

CLOSE = "update run set state = ?, recipe = ?, context = ?, note = ? where message = ? and number = ?"

BEGIN = "update message set state = ?, run = ?, due = ?, tries = 0, since = ? where id = ?"

COUNT_RUN = "update message set run = ?, since = ? where id = ?"

KIND = "select a.kind from run r join act a on a.id = r.act where r.message = ? and r.number = ?"

TARGETS = "select targets from run where message = ? and number = ?"

DIGEST = "select digest from run where message = ? and number = ?"

RELEASE = "update message set state = 'received', due = ?, tries = 0, since = ? where id = ?"

REJECT = "update message set state = 'rejected', note = ? where id = ?"

JOB = """
select m.run, m.start, m.size, coalesce(m.intake, m.id), m.context, r.asks, r.targets
from message m left join run r on r.message = m.id and r.number = m.run where m.id = ?"""

EDITED = """
select body, size, digest from run where message = ? and number <= ? and body is not null order by number desc limit 1"""

RUNS = """
select r.number, r.at, coalesce(a.kind, ''), coalesce(a.who, ''), coalesce(a.reason, ''), coalesce(r.state, ''),
    r.body is not null, r.note
from run r left join act a on a.id = r.act where r.message = ? order by r.number"""

_OF_MESSAGE = """(select id from delivery where id >= (select d0 from message where id = ?1)
        and id < (select d0 + nd from message where id = ?1)
    union all select id from delivery where message = ?1 and run > 0)"""

REPLACED = f"""
select d.id, d.state, d.destination, n.name, d.part, n.channel, d.lane, d.place, d.stops
from delivery d join destination n on n.id = d.destination
where d.id in {_OF_MESSAGE} and d.run < ?2 and d.state in ('waiting', 'behind', 'held', 'refused', 'dead') order by d.id"""  # noqa: S608  (made of our own words)

DROP = "update delivery set state = 'dropped', due = 0, seq = ? where id = ?"

OWED = f"""
select d.run, d.state, n.name, d.part, d.body, d.size, d.digest, d.media_type, d.names, d.stops
from delivery d join destination n on n.id = d.destination where d.id in {_OF_MESSAGE} order by d.id"""  # noqa: S608  (made of our own words)

MADE = "select number, targets from run where message = ? and coalesce(state, 'processed') = 'processed' order by number desc"
"""The runs of a message that made what it was to be sent, the latest first."""

PAUSE = """
insert into paused (channel, destination, at, who, reason) values (?, ?, ?, ?, ?)
on conflict (channel, destination) do update set at = excluded.at, who = excluded.who, reason = excluded.reason"""

RESUME = "delete from paused where channel = ? and destination = ?"

PAUSED = "select channel, destination, at, who, reason from paused order by channel, destination"

ADD_REPLAY = "insert into replay (at, act, state, how, total) values (?, ?, ?, ?, ?) returning id"

ADD_REPLAYING = "insert into replaying (replay, message) values (?, ?)"

CANCEL = "update replay set state = 'cancelled' where id = ? and state = 'going'"

FORGET = "delete from replaying where replay = ?"

DONE = "delete from replaying where replay = ? and message = ?"

COUNT_DONE = """
update replay set done = done + ?2,
    state = case when exists (select 1 from replaying where replay = ?1) then state else 'done' end
where id = ?1 and state = 'going'"""

GOING = "select act from replay where id = ? and state = 'going'"

REPLAYS = """
select r.id, r.at, a.who, a.reason, r.state, r.total, r.done, r.how from replay r join act a on a.id = r.act order by r.id desc"""

TO_REPLAY = "select message from replaying where replay = ? order by message limit ?"
