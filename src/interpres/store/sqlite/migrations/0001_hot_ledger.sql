-- The hot ledger: all that is open or recent. Times are milliseconds since 1970, UTC.

create table about (                       -- facts of this store: its salt, and when it was made
    name text primary key,
    value blob not null
) without rowid;

create table channel (
    id integer primary key,
    name text not null unique
);

create table destination (
    id integer primary key,
    channel integer not null references channel,
    name text not null,
    unique (channel, name)
);

create table recipe (                      -- what messages were processed by, never changed
    id integer primary key,
    digest text not null unique,
    files blob not null                    -- zlib of JSON: file name to content
);

create table journal (                     -- one row a commit: what changed, and the hash chain over it
    seq integer primary key,
    at integer not null,
    events blob not null,                  -- MessagePack
    chain blob not null                    -- sha256(chain before, digests of what is new, events)
);

create table body (                        -- bytes in pieces of 1 MiB; a longer value takes the ids that follow
    id integer primary key,
    codec integer not null,                -- 0 plain, 1 zlib
    z blob not null
);

create table intake (                      -- only where an intake is not just one message
    id integer primary key,                -- the sequence of its first message
    messages integer not null,
    size integer not null,                 -- of the bytes that messages are slices of
    body integer not null,
    head blob not null,                    -- goes before every slice that begins behind it
    digest blob not null                   -- of the bytes as they came
);

create table message (
    id integer primary key,                -- the sequence
    at integer not null,
    channel integer not null references channel,
    state text not null check (state in ('received', 'behind', 'processed', 'filtered', 'rejected', 'held')),
    run integer not null default 0,        -- its latest
    due integer not null default 0,        -- counts while received
    tries integer not null default 0,      -- of its enrichment
    lane integer not null,
    intake integer references intake,
    start integer not null,                -- where its slice begins in the intake
    size integer not null,                 -- of the slice
    body integer not null,                 -- of the intake, or its own
    digest blob not null,                  -- of head and slice
    d0 integer,                            -- its deliveries of run 0: the first, and how many
    nd integer not null default 0,
    recipe integer references recipe,
    early integer not null default 0,      -- answered before it was processed
    envelope text,
    keys text,
    context blob,                          -- what enrichment brought: zlib of JSON
    note text                              -- reason, faults, warnings
);
create index arrived on message (at);
create index ready on message (channel, due, id) where state = 'received';                 -- only the head of a lane
create index line on message (channel, lane, id) where state = 'behind';                   -- received too, but not the head
create index stuck on message (channel, lane) where state = 'held';
create index rejected on message (id) where state = 'rejected';

create table delivery (
    id integer primary key,
    message integer not null references message,
    run integer not null default 0,
    destination integer not null references destination,
    part integer not null,
    state text not null check (state in
        ('waiting', 'behind', 'sending', 'delivered', 'refused', 'held', 'uncertain', 'dead', 'dropped')),
    at integer not null,
    due integer not null default 0,
    tries integer not null default 0,
    lane integer not null,
    stops integer not null default 0,      -- refused or dead, it keeps its lane shut
    body integer,                          -- null: the message's own bytes
    size integer not null,
    digest blob not null,
    media_type text not null,
    names text,
    seq integer not null,                  -- the journal's row of its latest change
    note text,                             -- faults
    answer blob                            -- what the peer said: zlib of JSON
);
create index flight on delivery (destination, lane, id) where state in ('sending', 'uncertain', 'held');
create index due on delivery (destination, due, lane, id) where state = 'waiting';         -- only the head of a lane
create index queue on delivery (destination, lane, id) where state = 'behind';             -- waiting too, but not the head
create index stopped on delivery (destination, lane, id) where stops and state in ('refused', 'dead');
create index undelivered on delivery (id) where state in ('refused', 'dead');
create index again on delivery (message) where run > 0;

create table attempt (
    delivery integer not null references delivery,
    number integer not null,
    at integer not null,
    took integer not null,
    state text not null,
    status text not null,
    note text,
    primary key (delivery, number)
) without rowid;

create table remembered (
    collection text not null,
    key text not null,
    value text not null,                   -- JSON
    message integer not null,              -- who wrote it: an older one does not overwrite it
    at integer not null,
    primary key (collection, key)
) without rowid;

create table keytail (                     -- append only; even: a message's key, odd: an intake's identity
    h integer not null,
    id integer not null
);

create table segment (                     -- catalogue of what was sealed
    n integer primary key,
    kind text not null,
    first integer not null,
    last integer not null,
    at0 integer not null,
    at1 integer not null,
    bytes integer not null,
    cleared integer not null
);

create table late (                        -- settled after its range was sealed
    k integer primary key,
    id integer not null
);

create table tally (                       -- conservation, always at hand; destination 0: messages
    channel integer not null,
    destination integer not null,
    state text not null,
    n integer not null,
    primary key (channel, destination, state)
) without rowid;
