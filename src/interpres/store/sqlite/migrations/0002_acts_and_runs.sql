-- What people do: acts with their reasons, new runs of messages, causes of trouble, keys that messages wait for, replays.

create table act (                         -- what somebody did, and why
    id integer primary key,
    at integer not null,
    kind text not null,
    who text not null,
    reason text not null
);

create table acted (                       -- on what: a message (delivery 0), or one of its deliveries
    act integer not null references act,
    message integer not null references message,
    delivery integer not null,
    primary key (message, delivery, act)
) without rowid;

create table run (                         -- every run of a message that has more than one
    message integer not null references message,
    number integer not null,
    at integer not null,                   -- when it began
    act integer references act,            -- null for the first
    replay integer,
    targets text,                          -- JSON list of destinations; null: all
    asks integer not null,                 -- whether its questions are asked again; else it has the context of the run before
    body integer,                          -- an edit's own bytes; null: as the message came
    size integer,
    digest blob,
    state text,                            -- from here on what became of it, once another run follows
    recipe integer references recipe,
    context blob,
    note text,
    primary key (message, number)
) without rowid;

alter table message add column since integer not null default 0;   -- when its latest run began; 0: at its arrival

alter table delivery add column place integer not null default 0;  -- its order in the lane: its id, or the place it took over
alter table delivery add column spent integer not null default 0;  -- attempts before somebody sent it again
alter table delivery add column batch integer;                     -- the first delivery of those it was sent with
update delivery set place = id;
drop index queue;
create index queue on delivery (destination, lane, place, id) where state = 'behind';
create index gathered on delivery (batch) where batch is not null and state = 'waiting';

create table cause (                       -- what troubles messages, one row for all that are troubled alike
    id integer primary key,                -- hash of what makes it one cause
    facts text not null                    -- JSON: channel, destination and the fault, of the first that was seen
);

create table trouble (                     -- what is held, rejected, refused or dead, by cause
    cause integer not null references cause,
    message integer not null references message,
    delivery integer not null,             -- 0: the message itself
    at integer not null,
    primary key (cause, message, delivery)
) without rowid;
create index troubled on trouble (message, delivery);

create table awaited (                     -- held messages, until somebody remembers this key
    collection text not null,
    key text not null,
    message integer not null references message,
    until integer not null,
    primary key (collection, key, message)
) without rowid;
create index given_up on awaited (until);
create index waits on awaited (message);

create table paused (                      -- what somebody stopped; destination '': the channel's source
    channel text not null,
    destination text not null,
    at integer not null,
    who text not null,
    reason text not null,
    primary key (channel, destination)
) without rowid;

create table replay (
    id integer primary key,
    at integer not null,
    act integer not null references act,
    state text not null check (state in ('going', 'done', 'cancelled')),
    how text not null,                     -- JSON: what was chosen, and how it is to be processed
    total integer not null,
    done integer not null default 0
);

create table replaying (                   -- what a replay has still to do
    replay integer not null references replay,
    message integer not null references message,
    primary key (replay, message)
) without rowid;
