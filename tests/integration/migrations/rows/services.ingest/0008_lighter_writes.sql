-- Eve, who is inactive, and a group without members.
insert into users (directory_id, id, name_key, external_id, version, document, created_at,
  updated_at, display_key, email_keys)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000005',
  'eve@globex.example', '105', 1, '{"userName": "eve@globex.example", "externalId": "105",
   "active": false}', '2026-03-02T09:05:00Z', '2026-03-02T09:05:00Z', null, '{}');

insert into groups (directory_id, id, name_key, external_id, version, document, created_at, updated_at)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000005', 'empty',
  null, 1, '{"displayName": "Empty"}', '2026-03-02T09:05:00Z', '2026-03-02T09:05:00Z');
