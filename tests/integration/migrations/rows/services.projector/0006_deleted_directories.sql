-- A directory that was deleted.
insert into directories (id, organization_id, name, provider, created_at, deleted_at)
values ('0d000000-0000-4000-8000-000000000008', '0a000000-0000-4000-8000-000000000001',
  'Globex before', 'okta', '2026-03-01T09:00:00Z', '2026-03-02T09:40:00Z');
