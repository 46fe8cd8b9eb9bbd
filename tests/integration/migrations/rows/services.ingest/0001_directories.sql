-- Ada and Bob; Ada is an admin. The live token is `TOKEN` in the tests.
insert into organizations (id, name, created_at)
values ('0a000000-0000-4000-8000-000000000001', 'Globex', '2026-03-02T09:00:00Z');

insert into directories (id, organization_id, name, provider, created_at, last_request_at)
values ('0d000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000001',
  'Globex OneLogin', 'onelogin', '2026-03-02T09:00:00Z', '2026-03-02T09:07:00Z');

insert into tokens (id, directory_id, label, digest, last_four, created_at, expires_at, revoked_at,
  last_used_at)
values ('k7Jq', '0d000000-0000-4000-8000-000000000001', 'first',
    '\xbcee269e2c78d980f152199859f5f8ba4f9da8933ed0539336e623d80c8a20be', 'fmw',
    '2026-03-02T09:00:00Z', null, null, '2026-03-02T09:07:00Z'),
  ('old1', '0d000000-0000-4000-8000-000000000001', 'before', '\x00', 'abcd',
    '2026-02-02T09:00:00Z', '2026-04-02T09:00:00Z', '2026-03-02T09:00:00Z', null);

insert into users (directory_id, id, name_key, external_id, version, document, created_at, updated_at)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000001',
    'ada@globex.example', '101', 2, '{"userName": "Ada@globex.example", "externalId": "101",
     "displayName": "Ada Lovelace", "active": true,
     "emails": [{"value": "Ada@Globex.example", "primary": true}]}',
    '2026-03-02T09:01:00Z', '2026-03-02T09:02:00Z'),
  ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000002',
    'bob@globex.example', null, 1, '{"userName": "bob@globex.example", "active": false}',
    '2026-03-02T09:01:00Z', '2026-03-02T09:01:00Z');

insert into groups (directory_id, id, name_key, external_id, version, document, created_at, updated_at)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001', 'admins',
  '201', 1, '{"displayName": "Admins", "externalId": "201"}', '2026-03-02T09:03:00Z',
  '2026-03-02T09:03:00Z');

insert into memberships (directory_id, group_id, user_id)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000001',
  '05000000-0000-4000-8000-000000000001');
