-- Which event told of a row last: what a snapshot does not mention from its begin on is gone.

alter table users add column generation integer not null default 1,
  add column sequence bigint not null default 0;
alter table groups add column generation integer not null default 1,
  add column sequence bigint not null default 0;
alter table memberships add column generation integer not null default 1,
  add column sequence bigint not null default 0;

-- Behind a gap nothing is decided until the snapshot that heals it has ended.
alter table directories add column resyncing boolean not null default false;
