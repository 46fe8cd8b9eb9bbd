-- Which pepper made the digest of a token, so that peppers can be changed one after the other.

alter table tokens add column pepper_key text;
