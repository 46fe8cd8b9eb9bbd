-- Bob was made an administrator by hand.
insert into manual_assignments (directory_id, user_id, role_key, since, cause)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000002', 'admin',
  '2026-03-02T09:07:00Z',
  '{"kind": "administrator", "id": "019501a8-0000-7000-8000-000000000002", "actor": "app"}');
