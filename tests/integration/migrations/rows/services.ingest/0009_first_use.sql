-- A token that was used twice.
insert into tokens (id, directory_id, label, digest, last_four, created_at, first_used_at,
  last_used_at)
values ('0123456789', '0d000000-0000-4000-8000-000000000001', 'Second', '\x09', 'b7e2',
  '2026-03-02T09:06:00Z', '2026-03-02T09:07:00Z', '2026-03-02T09:08:00Z');
