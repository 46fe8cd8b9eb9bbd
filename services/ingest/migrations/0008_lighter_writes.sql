-- What every write paid for and nobody used.

-- A write draws its number from the directory's counter, so the directory exists and is locked;
-- the check locked one more row, of the same directory, in each transaction.
alter table users drop constraint users_directory_fkey;
alter table groups drop constraint groups_directory_fkey;
