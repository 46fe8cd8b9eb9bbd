#!/bin/sh
# Makes the secrets of an installation, each in a file of its setting's name; what is there stays.
#   sh deploy/secrets.sh [FOLDER]     deploy/secrets unless given
# POSTGRES_ADDRESS says where services find Postgres, postgres:5432 unless given.
set -eu
folder=${1:-$(dirname "$0")/secrets}
address=${POSTGRES_ADDRESS:-postgres:5432}

# Nobody else passes the folder; the files are open, since containers run as users of their own.
mkdir -p "$folder"
chmod 700 "$folder"
umask 022

random() { od -An -N 24 -tx1 /dev/urandom | tr -d ' \n'; }
put() { # put NAME TEXT: whole or not at all
  [ -s "$folder/$1" ] && return
  printf '%s\n' "$2" >"$folder/.$1"
  mv "$folder/.$1" "$folder/$1"
  echo "made $folder/$1"
}

put POSTGRES_PASSWORD "$(random)"
superuser=$(cat "$folder/POSTGRES_PASSWORD")
put ROLLCALL_SUPERUSER_DATABASE_URL "postgresql://postgres:$superuser@$address/postgres"
for service in ingest roles projector portal; do
  name=ROLLCALL_$(echo "$service" | tr '[:lower:]' '[:upper:]')_DATABASE_URL
  put "$name" "postgresql://$service:$(random)@$address/rollcall"
done
put ROLLCALL_API_KEY "$(random)"
put ROLLCALL_INGEST_TOKEN_PEPPER "$(random)"
put ROLLCALL_PORTAL_SECRET "$(random)"
