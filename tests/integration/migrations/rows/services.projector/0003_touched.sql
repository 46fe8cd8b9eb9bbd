-- Cyd, told by the fifth event.
insert into users (directory_id, id, user_name, display_name, email, external_id, active, resource,
  version, created_at, updated_at, generation, sequence)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000003',
  'cyd@globex.example', 'Cyd', 'cyd@globex.example', '103', true,
  '{"userName": "cyd@globex.example"}', 1, '2026-03-02T09:04:00Z', '2026-03-02T09:04:00Z', 1, 5);
