"""Queries of the small tables: about, channel, destination, recipe, remembered, keytail."""

ABOUT = "select value from about where name = ?"

ADD_ABOUT = "insert into about (name, value) values (?, ?)"

CHANNEL = "select id from channel where name = ?"

ADD_CHANNEL = "insert into channel (name) values (?) returning id"

DESTINATION = "select id from destination where channel = ? and name = ?"

ADD_DESTINATION = "insert into destination (channel, name) values (?, ?) returning id"

RECIPE = "select id from recipe where digest = ?"

REMEMBER = """
insert into remembered (collection, key, value, message, at) values (?, ?, ?, ?, ?)
on conflict (collection, key) do update set value = excluded.value, message = excluded.message, at = excluded.at
where excluded.message >= remembered.message"""

REMEMBERED = "select value from remembered where collection = ? and key = ?"

ADD_KEY = "insert into keytail (h, id) values (?, ?)"

WITH_KEY = "select id from keytail where h = ? order by rowid desc"

IDENTITIES = "select h, id from keytail where h & 1 order by rowid"

CHECK = "pragma foreign_key_check"
