"""Queries of the tables cause, trouble and awaited."""

ADD_CAUSE = "insert into cause (id, facts) values (?, ?) on conflict (id) do nothing"

ADD = "insert into trouble (cause, message, delivery, at) values (?, ?, ?, ?) on conflict do nothing"

CLEAR = """
delete from trouble where (cause, message, delivery) in
    (select cause, message, delivery from trouble where message = ? and delivery = ?)"""

NAMES = "select c.name, n.name from destination n join channel c on c.id = n.channel where n.id = ?"

PROBLEMS = """
select t.cause, c.facts, count(distinct t.message), sum(t.delivery > 0), min(t.at), max(t.at)
from trouble t join cause c on c.id = t.cause group by t.cause"""

SAMPLES = "select distinct message from trouble where cause = ? order by message desc limit ?"

OF_CAUSE = """
select message, delivery, at from trouble where cause = ? and (message, delivery) > (?, ?) order by message, delivery limit ?"""

AWAIT = "insert into awaited (collection, key, message, until) values (?, ?, ?, ?) on conflict do nothing"

WAITING_FOR = "select message from awaited where collection = ? and key = ? order by message"

OVERDUE = "select distinct message from awaited where until <= ? order by message"

NEXT_GIVE_UP = "select min(until) from awaited"

WAIT_NO_MORE = "delete from awaited where message = ?"

IN_TROUBLE = """
select m.id, 0, c.name, '', m.note, m.at from message m join channel c on c.id = m.channel where m.state in ('rejected', 'held')
union all
select d.message, d.id, c.name, n.name, d.note, d.at from delivery d join destination n on n.id = d.destination
join channel c on c.id = n.channel where d.state in ('held', 'refused', 'dead')"""
