-- Links are listed and revoked by an id that opens nothing.

alter table links
  add column id uuid not null default gen_random_uuid(),
  add column created_by text not null default 'api',
  add column revoked_at timestamptz;

-- Who revokes a link ends what it opened.
alter table sessions add column link_id uuid;

create unique index links_id_idx on links (id);
create index links_organization_idx on links (organization_id, created_at);

