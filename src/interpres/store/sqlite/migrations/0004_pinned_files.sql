-- A recipe's files are kept once each, however many recipes share them: most of an edited recipe is as it was.

create table file (                        -- never changed
    id integer primary key,
    digest blob not null unique,           -- sha256 of the content
    z blob not null                        -- zlib
);

create table recipe_file (                 -- the files of a recipe; one that has none here was kept whole, in its own row
    recipe integer not null references recipe,
    name text not null,
    file integer not null references file,
    primary key (recipe, name)
) without rowid;
