-- An operator's session that goes on, an invitation that was used, a form that was taken.
insert into links (digest, kind, organization_id, created_at, expires_at, used_at)
values ('\x01', 'invitation', '0a000000-0000-4000-8000-000000000001', now(),
  now() + interval '7 days', now());

insert into sessions (digest, organization_id, created_at, seen_at)
values ('\x2cf9ef2004e646e92203aad5233305544d4d240371b1325650a9a4b16d1d2d31', null, now(), now()),
  ('\x02', '0a000000-0000-4000-8000-000000000001', now(), now());

insert into submissions (key, taken_at) values ('08000000-0000-4000-8000-000000000001', now());
