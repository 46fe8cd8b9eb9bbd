-- Somebody who was gone asked to be forgotten.
insert into erased_users (directory_id, user_id, erased_at)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000003',
  '2026-03-02T09:50:00Z');
