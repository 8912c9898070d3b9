-- What happens to all logs, in one order, once it is switched on: the one row of the switch has the mark of its cursors, and
-- the number up to which entries were forgotten. Of these the newest entry stays until there is a newer one, so that no
-- number is given again.
CREATE TABLE chatfold_outbox_switch (mark BLOB NOT NULL, forgotten INTEGER NOT NULL) STRICT;
CREATE TABLE chatfold_outbox (
    number INTEGER PRIMARY KEY,
    inbox INTEGER NOT NULL,
    change TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
UPDATE chatfold_schema SET version = 6;
