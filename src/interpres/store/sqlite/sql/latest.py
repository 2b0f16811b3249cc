"""Queries of when each destination last had something."""

DESTINATIONS = "select n.id, c.name, n.name from destination n join channel c on c.id = n.channel order by 2, 3"

LATEST = """
select j.at from journal j where j.seq = (select max(seq) from (
    select seq from delivery where destination = ?1 and state = 'delivered'
        and id > (select max(id) from delivery) - ?2 order by id desc limit ?3))"""
