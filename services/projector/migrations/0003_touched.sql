-- Which event told of a row last: what a snapshot does not mention from its begin on is gone. And
-- which directories are behind, for the portal to say so.

alter table users add column generation integer not null default 1,
  add column sequence bigint not null default 0;
alter table groups add column generation integer not null default 1,
  add column sequence bigint not null default 0;
alter table memberships add column generation integer not null default 1,
  add column sequence bigint not null default 0;

create view portal_delays as
select directory_id, topic, state, since from directory_positions where state <> 'live';

grant select on portal_delays to portal;
