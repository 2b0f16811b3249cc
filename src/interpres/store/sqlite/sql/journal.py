"""Queries of the tables journal and tally."""

ADD = "insert into journal (seq, at, events, chain) values (?, ?, ?, ?)"

LAST = "select seq, chain from journal order by seq desc limit 1"

ALL = "select seq, events, digests, chain from journal order by seq"

ADD_TALLY = """
insert into tally (channel, destination, state, n) values (?, ?, ?, ?)
on conflict (channel, destination, state) do update set n = n + excluded.n"""

COUNTED = "select n from tally where channel = ? and destination = ? and state = ?"

TALLY = "select channel, destination, state, n from tally where n <> 0"

NAMED_TALLY = """
select c.name, coalesce(n.name, ''), t.state, t.n from tally t join channel c on c.id = t.channel
left join destination n on n.id = t.destination where t.n <> 0 order by 1, 2, 3"""
