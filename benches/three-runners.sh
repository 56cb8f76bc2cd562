#!/bin/sh
# Three runners at once on one PostgreSQL database: how often is a data migration applied, and how do they end?
# usage: three-runners.sh 'postgres://postgres@localhost:5432/%s?sslmode=disable'   (%s: the database's name)
# Tools are taken from the PATH; one that is missing is left out. Each makes and keeps a database `three_<tool>`.
set -eu
url=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
first='CREATE TABLE counter (n int); INSERT INTO counter VALUES (0);'
second='UPDATE counter SET n = n + 1; SELECT pg_sleep(1);'

try() { # tool, its layout's writer, its command
    command -v "$1" >/dev/null || { echo "$1: not in the PATH"; return 0; }
    DATABASE_URL=$(printf "$url" "three_$1"); export DATABASE_URL
    admin=$(printf "$url" postgres)
    psql -qX "$admin" -c "DROP DATABASE IF EXISTS three_$1" -c "CREATE DATABASE three_$1" 2>/dev/null
    mkdir "$1"
    "$2" "$1" 1 "$first"
    (eval "$3") >"$1.log" 2>&1
    "$2" "$1" 2 "$second"
    for runner in 1 2 3; do
        (eval "$3" >>"$1.log" 2>&1 && echo 0 >>"$1.exits" || echo "$?" >>"$1.exits") &
    done
    wait
    applied=$(psql -AtX "$DATABASE_URL" -c 'SELECT n FROM counter')
    echo "$1: applied $applied time(s), exit codes $(sort "$1.exits" | tr '\n' ' ')"
}

versioned() { printf '%s\n' "$3" >"$1/V$2__m.sql"; }
plain() { printf '%s\n' "$3" >"$1/$2_m.sql"; }
folders() { mkdir "$1/0000$2_m"; printf '%s\n' "$3" >"$1/0000$2_m/up.sql"; : >"$1/0000$2_m/down.sql"; }
sections() { printf -- '-- migrate:up\n%s\n-- migrate:down\n' "$3" >"$1/$2_m.sql"; }

try liftlock versioned 'liftlock up --dir liftlock'
try refinery versioned 'refinery migrate -e DATABASE_URL -p refinery'
try sqlx plain 'sqlx migrate run --source sqlx'
try diesel folders 'diesel migration run --migration-dir diesel'
try dbmate sections 'dbmate --migrations-dir dbmate --no-dump-schema up'
