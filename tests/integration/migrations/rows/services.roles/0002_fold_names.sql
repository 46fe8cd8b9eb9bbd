-- Cyd, and a group that went, under folded names.
insert into users (directory_id, id, user_name, external_id, active, name_key)
values ('0d000000-0000-4000-8000-000000000001', '05000000-0000-4000-8000-000000000003',
  'CYD@globex.example', '103', true, 'cyd@globex.example');

insert into groups (directory_id, id, display_name, external_id, deleted, name_key)
values ('0d000000-0000-4000-8000-000000000001', '06000000-0000-4000-8000-000000000002', 'Gone',
  null, true, 'gone');
