-- From schema version 2 to 3: the outbox, which is off. No row of another table is read or written.

--: always
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
INSERT INTO @chatfold_schema (version) VALUES (3);
