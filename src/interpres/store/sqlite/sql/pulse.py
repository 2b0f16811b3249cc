"""Queries of what waits and of when things came: asked every few seconds, beside the writer."""

_LANES = """
(select count(*) from delivery where destination = n.id and state = 'waiting')
+ (select count(distinct lane) from delivery where destination = n.id and state in ('sending', 'uncertain', 'held'))"""

_OLDEST_DELIVERY = """
select min(first) from (
    select min(id) as first from delivery where destination = n.id and state = 'waiting'
    union all select min(id) from delivery where destination = n.id and state = 'behind')"""

_OLDEST_MESSAGE = """
select min(first) from (
    select min(id) as first from message where channel = c.id and state = 'received'
    union all select min(id) from message where channel = c.id and state = 'behind')"""

QUEUES = f"""
select c.name, '', (select count(*) from message where channel = c.id and state = 'received'),
    (select at from message where id = ({_OLDEST_MESSAGE}))
from channel c
union all
select c.name, n.name, {_LANES}, (select at from delivery where id = ({_OLDEST_DELIVERY}))
from destination n join channel c on c.id = n.channel order by 1, 2"""  # noqa: S608  (made of our own words)

ARRIVALS = """
select c.name, m.at / ?1, max(m.at)
from message m join channel c on c.id = m.channel
where m.at >= ?2 and m.id > (select coalesce(max(id), 0) from message) - ?3
group by 1, 2 order by 1, 2"""
