"""Queries of what somebody may act on: its state now, and whether its lane has gone past it."""

_SENT = "('delivered', 'sending', 'uncertain')"

MESSAGES = f"""
with asked as (
    select m.id, m.at, m.channel, m.lane, case m.state when 'behind' then 'received' else m.state end as state
    from message m where m.id in (select value from json_each(?1))),
newest as (
    select n.channel, d.lane, max(d.message) as message from delivery d join destination n on n.id = d.destination
    where d.state in {_SENT} and (n.channel, d.lane) in (select channel, lane from asked) group by 1, 2)
select a.id, 0, a.at, c.name, '', a.state, 1, coalesce(n.message > a.id, 0)
from asked a join channel c on c.id = a.channel left join newest n on n.channel = a.channel and n.lane = a.lane order by a.id"""  # noqa: S608

DELIVERIES = f"""
with asked as (
    select d.id, d.message, d.destination, d.lane, d.media_type,
        case d.state when 'behind' then 'waiting' else d.state end as state
    from delivery d where d.id in (select value from json_each(?1))),
newest as (
    select d.destination, d.lane, max(d.message) as message from delivery d
    where d.state in {_SENT} and (d.destination, d.lane) in (select destination, lane from asked) group by 1, 2)
select a.message, a.id, m.at, c.name, n.name, a.state, a.media_type <> '', coalesce(w.message > a.message, 0)
from asked a join message m on m.id = a.message join destination n on n.id = a.destination join channel c on c.id = n.channel
left join newest w on w.destination = a.destination and w.lane = a.lane order by a.message, a.id"""  # noqa: S608

BETWEEN = "select id, at from message where at >= ? and at <= ? order by at, id limit ?"
