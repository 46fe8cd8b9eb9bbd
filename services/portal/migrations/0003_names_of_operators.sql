-- An operator who signed in by OpenID Connect acts under a name, and by no link.

alter table sessions add column actor text;
