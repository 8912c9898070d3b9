-- The tables of schema version 4, as a new database gets them.
--
-- `@` stands for the schema that the tables are in, and a line `--: …` says when what follows is run: `plain` and
-- `partitioned` by the layout, `each partition of …` once for each partition of each of these tables, `always` always.
--
-- Owners' ids are compared as bytes, whatever the database's locale: an index stays sound when the operating system
-- sorts words of a language anew. What is packed already, or is cut small, is stored as it is (`EXTERNAL`).

--: always
CREATE TABLE @chatfold_schema (version integer PRIMARY KEY);
CREATE TABLE @chatfold_inbox (
    inbox text COLLATE "C" PRIMARY KEY, closed text, moved_to text, sealed bigint NOT NULL DEFAULT 0
);
CREATE TABLE @chatfold_paging (inbox text COLLATE "C" PRIMARY KEY, next bigint NOT NULL);

--: plain
CREATE TABLE @chatfold_event (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, id uuid NOT NULL, command uuid, hash bytea NOT NULL,
    encoded bytea NOT NULL, PRIMARY KEY (inbox, position), UNIQUE (inbox, id)
);
CREATE TABLE @chatfold_segment (
    inbox text COLLATE "C" NOT NULL, last bigint NOT NULL, before bigint NOT NULL, before_hash bytea NOT NULL,
    last_hash bytea NOT NULL, checksum bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (inbox, last)
);
CREATE TABLE @chatfold_sealed (
    inbox text COLLATE "C" NOT NULL, slice integer NOT NULL, run bigint NOT NULL, keys bytea NOT NULL,
    PRIMARY KEY (inbox, slice, run)
);
CREATE TABLE @chatfold_snapshot (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    pages bytea, checksum bytea, PRIMARY KEY (inbox, position)
);
CREATE TABLE @chatfold_snapshot_page (
    inbox text COLLATE "C" NOT NULL, page bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, page)
);

--: partitioned
CREATE TABLE @chatfold_event (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, id uuid NOT NULL, command uuid, hash bytea NOT NULL,
    encoded bytea NOT NULL, PRIMARY KEY (inbox, position), UNIQUE (inbox, id)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_segment (
    inbox text COLLATE "C" NOT NULL, last bigint NOT NULL, before bigint NOT NULL, before_hash bytea NOT NULL,
    last_hash bytea NOT NULL, checksum bytea NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (inbox, last)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_sealed (
    inbox text COLLATE "C" NOT NULL, slice integer NOT NULL, run bigint NOT NULL, keys bytea NOT NULL,
    PRIMARY KEY (inbox, slice, run)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_snapshot (
    inbox text COLLATE "C" NOT NULL, position bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    pages bytea, checksum bytea, PRIMARY KEY (inbox, position)
) PARTITION BY HASH (inbox);
CREATE TABLE @chatfold_snapshot_page (
    inbox text COLLATE "C" NOT NULL, page bigint NOT NULL, hash bytea NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (inbox, page)
) PARTITION BY HASH (inbox);

--: each partition of chatfold_event chatfold_segment chatfold_sealed chatfold_snapshot chatfold_snapshot_page
CREATE TABLE @{table}_{number} PARTITION OF @{table} FOR VALUES WITH (MODULUS {count}, REMAINDER {number});

--: always
ALTER TABLE @chatfold_segment ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE @chatfold_snapshot ALTER COLUMN bytes SET STORAGE EXTERNAL, ALTER COLUMN pages SET STORAGE EXTERNAL;
ALTER TABLE @chatfold_snapshot_page ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX chatfold_event_command ON @chatfold_event (inbox, command) WHERE command IS NOT NULL;
CREATE VIEW @chatfold_event_text AS
    SELECT inbox, position, id, convert_from(encoded, 'UTF8') AS line FROM @chatfold_event;
CREATE TABLE @chatfold_outbox_switch (
    name text PRIMARY KEY CHECK (name = 'outbox'), is_on boolean NOT NULL, mark uuid NOT NULL, server bigint NOT NULL
);
INSERT INTO @chatfold_outbox_switch (name, is_on, mark, server)
    VALUES ('outbox', false, '00000000-0000-0000-0000-000000000000', 0);
CREATE TABLE @chatfold_outbox_forgotten (
    name text PRIMARY KEY CHECK (name = 'outbox'), history bigint NOT NULL, transaction bigint NOT NULL,
    number bigint NOT NULL
);
INSERT INTO @chatfold_outbox_forgotten (name, history, transaction, number) VALUES ('outbox', 0, 0, 0);
CREATE TABLE @chatfold_outbox (
    history bigint NOT NULL, transaction bigint NOT NULL, number bigint GENERATED ALWAYS AS IDENTITY,
    inbox text COLLATE "C" NOT NULL, change text NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
    PRIMARY KEY (history, transaction, number)
);
INSERT INTO @chatfold_schema (version) VALUES (4);
