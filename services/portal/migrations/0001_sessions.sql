-- Sign-in links and sessions by keyed hash only; forms once taken, so that a double press is one.

create table links (
  digest bytea constraint links_pkey primary key,
  kind text not null
    constraint links_kind_check check (kind in ('invitation', 'redirect', 'operator')),
  organization_id uuid,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint links_organization_check check ((organization_id is null) = (kind = 'operator'))
);

create table sessions (
  digest bytea constraint sessions_pkey primary key,
  organization_id uuid,
  created_at timestamptz not null,
  seen_at timestamptz not null
);

create table submissions (
  key uuid constraint submissions_pkey primary key,
  taken_at timestamptz not null
);
