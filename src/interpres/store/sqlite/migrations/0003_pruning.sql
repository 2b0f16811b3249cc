-- What was kept long enough can go: content before metadata, and the chain still proves what is left.

alter table message add column pruned integer not null default 0;  -- when its content was removed; 0: it has it

alter table journal add column digests blob;  -- of what the row brought, once something of it is gone; null: all is there

create table gap (                         -- rows of the journal that were removed, and the chain as they left it
    first integer primary key,
    last integer not null,
    chain blob not null
);

create table gone (                        -- digests of what was removed, until the journal has them
    kind text not null,                    -- of the event that brought it
    id integer not null,
    run integer not null,
    digest blob not null,
    primary key (kind, id, run)
) without rowid;

create table waste (                       -- pieces of bodies that nothing names any more, removed a few at a time
    first integer primary key,
    last integer not null
);
