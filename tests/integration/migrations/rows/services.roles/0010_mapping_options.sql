-- A directory in which the first matching row decides, and everybody else is a viewer.
insert into roles (key, name, description, privileged)
values ('viewer', 'Viewer', 'May look', false);

insert into directories (id, organization_id, name, mapping_version, resyncing, strategy, mapping_on,
  default_role)
values ('0d000000-0000-4000-8000-000000000010', '0a000000-0000-4000-8000-000000000001',
  'Globex ordered', 1, false, 'first_match', true, 'viewer');

insert into mappings (directory_id, group_id, role_key, position)
values ('0d000000-0000-4000-8000-000000000010', '06000000-0000-4000-8000-000000000010', 'admin', 0),
  ('0d000000-0000-4000-8000-000000000010', '06000000-0000-4000-8000-000000000011', 'viewer', 1);
