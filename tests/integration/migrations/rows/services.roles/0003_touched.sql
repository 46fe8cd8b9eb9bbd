-- A directory behind a gap, in its second generation.
insert into directories (id, organization_id, name, mapping_version, resyncing)
values ('0d000000-0000-4000-8000-000000000004', '0a000000-0000-4000-8000-000000000001',
  'Globex Entra', 0, true);

insert into users (directory_id, id, user_name, external_id, active, name_key, generation, sequence)
values ('0d000000-0000-4000-8000-000000000004', '05000000-0000-4000-8000-000000000004',
  'dan@globex.example', null, true, 'dan@globex.example', 2, 7);
