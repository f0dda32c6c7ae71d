#!/bin/sh
# Makes the secret files that docker-compose.yml reads, where they are absent.
set -eu
umask 077
mkdir -p secrets
random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
password() { head -c 24 /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_'; }
[ -f secrets/postgres_password ] || password >secrets/postgres_password
[ -f secrets/temporal_postgres_password ] || password >secrets/temporal_postgres_password
[ -f secrets/database_url ] ||
  printf 'postgres://registrar:%s@postgres:5432/registrar' "$(cat secrets/postgres_password)" >secrets/database_url
[ -f secrets/key_ring.json ] ||
  printf '{"current":"k1","keys":{"k1":"%s"}}\n' "$(random)" >secrets/key_ring.json
if [ ! -f secrets/auth_issuers.json ]; then
  echo 'Write secrets/auth_issuers.json: [{"issuer": "https://…", "audience": "registrar"}]' >&2
  exit 1
fi
