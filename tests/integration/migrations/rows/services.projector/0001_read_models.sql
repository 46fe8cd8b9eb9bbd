-- Ada is an admin and was one before; Bob is gone.
insert into directories (id, organization_id, name, provider, created_at)
values ('0d000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001',
  'Globex OneLogin', 'onelogin', '2026-03-02T09:00:00Z');

insert into users (directory_id, id, user_name, display_name, email, external_id, active, resource,
  version, created_at, updated_at, deleted_at)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000001',
    'Ada@globex.example', 'Ada Lovelace', 'Ada@globex.example', '101', true,
    '{"userName": "Ada@globex.example"}', 2, '2026-03-02T09:01:00Z', '2026-03-02T09:02:00Z', null),
  ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000002',
    'bob@globex.example', 'Bob', null, null, false, '{"userName": "bob@globex.example"}', 1,
    '2026-03-02T09:01:00Z', '2026-03-02T09:01:00Z', '2026-03-02T09:05:00Z');

insert into groups (directory_id, id, display_name, external_id, resource, version, created_at,
  updated_at, deleted_at)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001', 'Admins',
    '201', '{"displayName": "Admins"}', 1, '2026-03-02T09:03:00Z', '2026-03-02T09:03:00Z', null),
  ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000002', 'Gone', null,
    '{"displayName": "Gone"}', 1, '2026-03-02T09:03:00Z', '2026-03-02T09:03:00Z',
    '2026-03-02T09:04:00Z');

insert into memberships (directory_id, group_id, user_id, since)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001',
  '05000000-0000-4000-8000-000000000001', '2026-03-02T09:06:00Z');

insert into assignments (directory_id, user_id, role_key, role_name, reason, cause, valid_from,
  valid_to, sequence)
select '0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000001', 'admin',
  'Administrator', '{"kind": "group", "groups": []}', '{"kind": "scim", "id": "1"}', valid_from,
  valid_to, sequence
from (values ('2026-03-02T09:04:00Z'::timestamptz, '2026-03-02T09:05:00Z'::timestamptz, 2),
  ('2026-03-02T09:06:00Z', null, 4)) as held (valid_from, valid_to, sequence);

insert into mappings (directory_id, group_id, role_key, role_name)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001', 'admin',
  'Administrator');

insert into events (directory_id, topic, generation, sequence, id, type, subject, time, user_id,
  group_id, cause, data)
values ('0d000000-0000-4000-8000-000000000001', 'directory.events.v1', 1, 6,
  '0d000000-0000-4000-8000-000000000001:1:6', 'rollcall.membership.added.v1',
  'groups/06000000-0000-4000-8000-000000000001/members/05000000-0000-4000-8000-000000000001',
  '2026-03-02T09:06:00Z', '05000000-0000-4000-8000-000000000001',
  '06000000-0000-4000-8000-000000000001', '{"kind": "scim", "id": "1"}', '{"user": {}}');
