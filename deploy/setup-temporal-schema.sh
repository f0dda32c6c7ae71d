#!/bin/sh
# Creates or updates the two databases of the Temporal server; run before the server starts.
set -eu

SQL_PASSWORD=$(cat /run/secrets/temporal_postgres_password)
export SQL_PASSWORD

for database in temporal temporal_visibility; do
  case $database in
    temporal) schema=temporal ;;
    *) schema=visibility ;;
  esac
  sql() { temporal-sql-tool --plugin postgres12 --ep temporal-postgres -p 5432 -u temporal --db "$database" "$@"; }
  sql create
  # Fails harmlessly where the schema is there already.
  sql setup-schema -v 0.0 || true
  sql update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
