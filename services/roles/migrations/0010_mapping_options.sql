-- Which rows decide, in which order, the role that active users get without a group, and whether
-- the mapping grants anything.

alter table directories
  add column strategy text not null default 'union'
    constraint directories_strategy_check check (strategy in ('union', 'first_match')),
  add column default_role text constraint directories_default_role_fkey references roles,
  add column mapping_on boolean not null default true;

alter table mappings add column position integer not null default 0;
