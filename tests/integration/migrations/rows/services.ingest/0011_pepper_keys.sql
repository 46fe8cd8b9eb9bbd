-- A token whose digest says by which pepper it was made.
insert into tokens (id, directory_id, label, digest, last_four, created_at, pepper_key)
values ('0123456780', '0d000000-0000-4000-8000-000000000001', 'Third', '\x0a', 'c8f3',
  '2026-03-02T09:09:00Z', '5b1f0c9d');
