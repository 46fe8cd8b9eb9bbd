-- Cyd, stored with what lookups need.
insert into users (directory_id, id, name_key, external_id, version, document, created_at,
  updated_at, display_key, email_keys)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000003',
  'cyd@globex.example', '103', 1, '{"userName": "cyd@globex.example", "externalId": "103",
   "displayName": "CYD", "active": true, "emails": [{"value": "Cyd@globex.example"}]}',
  '2026-03-02T09:04:00Z', '2026-03-02T09:04:00Z', 'cyd', '{cyd@globex.example}');
