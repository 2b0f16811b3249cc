"""Queries of the tables recipe, recipe_file and file."""

ADD = "insert into recipe (digest, files) values (?, ?) returning id"

FILE = "select id from file where digest = ?"

ADD_FILE = "insert into file (digest, z) values (?, ?) returning id"

ADD_NAME = "insert into recipe_file (recipe, name, file) values (?, ?, ?)"

WHOLE = "select files from recipe where digest = ?"

FILES = """
select n.name, f.digest, f.z from recipe r join recipe_file n on n.recipe = r.id join file f on f.id = n.file
where r.digest = ? order by n.name"""
