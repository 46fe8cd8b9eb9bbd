-- Ada is an admin, since her group is mapped; Bob is in no group yet.
insert into directories (id, organization_id, name, mapping_version)
values ('0d000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001',
  'Globex OneLogin', 3);

insert into users (directory_id, id, user_name, external_id, active)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000001',
    'Ada@globex.example', '101', true),
  ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000002',
    'bob@globex.example', null, true);

insert into groups (directory_id, id, display_name, external_id)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001', 'Admins',
  '201');

insert into memberships (directory_id, group_id, user_id)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001',
  '05000000-0000-4000-8000-000000000001');

insert into roles (key, name, description, privileged)
values ('admin', 'Administrator', 'May do everything', true);

insert into mappings (directory_id, group_id, role_key)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001', 'admin');

insert into assignments (directory_id, user_id, role_key, reason, since, cause)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000001', 'admin',
  '{"kind": "group", "groups": [{"id": "06000000-0000-4000-8000-000000000001",
    "externalId": "201", "displayName": "Admins"}]}', '2026-03-02T09:06:00Z',
  '{"kind": "scim", "id": "019501a8-0000-7000-8000-000000000001", "actor": "token:k7Jq"}');
