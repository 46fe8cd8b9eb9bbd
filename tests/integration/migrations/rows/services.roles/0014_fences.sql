-- Fay's loss of a role waits, since she was its last holder, as does all that her directory loses.
insert into directories (id, organization_id, name, mapping_version)
values ('0d000000-0000-4000-8000-000000000007', '0a000000-0000-4000-8000-000000000001',
  'Globex Ping', 1);

insert into assignments (directory_id, user_id, role_key, reason, since, cause, waits)
values ('0d000000-0000-4000-8000-000000000007', '05000000-0000-4000-8000-000000000008', 'admin',
  '{"kind": "group", "groups": [{"id": "06000000-0000-4000-8000-000000000004",
    "externalId": null, "displayName": "Admins"}]}', '2026-03-02T09:06:00Z',
  '{"kind": "scim", "id": "019501a8-0000-7000-8000-000000000003", "actor": "token:k7Jq"}',
  '{"why": "last_holder", "since": "2026-03-02T09:20:00Z", "lost": "deleted",
    "user": {"id": "05000000-0000-4000-8000-000000000008", "externalId": "108",
      "userName": "fay@globex.example", "active": true}}');

insert into fences (directory_id, is_on, percent, least, window_s, assigned, waiting, holders,
  lasts, window_began, window_assigned, window_lost, raised_at, judged)
values ('0d000000-0000-4000-8000-000000000007', true, 10, 5, 600, 1, 1, '{"admin": 0}',
  '{"admin": "05000000-0000-4000-8000-000000000008"}', '2026-03-02T09:19:00Z', 30, 6,
  '2026-03-02T09:20:00Z', '019501a8-0000-7000-8000-000000000004');
