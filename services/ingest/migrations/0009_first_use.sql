-- Since when a token is used: whoever rotates one waits for the first request with the new one.

alter table tokens add column first_used_at timestamptz;
