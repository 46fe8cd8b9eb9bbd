-- When each event was published, how far each topic is followed, and who holds a role, for lists.

alter table events add column published_at timestamptz;

create or replace view portal_events as
select directory_id, topic, generation, sequence, id, type, subject, time, stored_at, user_id,
  group_id, cause, data, published_at
from events;

create view portal_positions as
select directory_id, topic, generation, sequence from directory_positions;

grant select on portal_positions to portal;

create index assignments_role_idx on assignments (directory_id, role_key, user_id)
  where valid_to is null;

-- Inactive users are few, and looked for among many.
create index users_inactive_idx on users (directory_id, lower(user_name), id)
  where deleted_at is null and not active;
