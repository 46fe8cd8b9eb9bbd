-- Names compare as ingest folds them: the database's own lower() leaves É alone in the C locale.
-- Not unique: two users may swap their names within one batch.

alter table users add column name_key text;
update users set name_key = lower(user_name);
alter table users alter column name_key set not null;
drop index users_user_name_idx;
create index users_name_idx on users (directory_id, name_key);

alter table groups add column name_key text;
update groups set name_key = lower(display_name);
alter table groups alter column name_key set not null;
create index groups_name_idx on groups (directory_id, name_key);
