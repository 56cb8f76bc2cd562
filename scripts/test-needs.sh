#!/bin/sh
# Installs the servers that the tests start, where it may (Debian's packages, as root); elsewhere it says the line to
# run and fails, because a test without its server must not pass silently.
set -eu

# Whether a program is in PATH, or in one of the places given after its name.
have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    shift
    for place in "$@"; do
        # An unmatched pattern stays as it is, and no such file is executable.
        [ -x "$place" ] && return 0
    done
    return 1
}

missing=
# A server that is given needs none of ours.
if [ -z "${LIFTLOCK_TEST_POSTGRES:-}" ] && ! have initdb /usr/lib/postgresql/*/bin/initdb; then
    missing="$missing postgresql"
fi
# What a session lock must not be trusted behind.
have pgbouncer /usr/sbin/pgbouncer || missing="$missing pgbouncer"
[ -n "$missing" ] || exit 0

install="apt-get update && apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "the tests need$missing: $install"
    export DEBIAN_FRONTEND=noninteractive
    # No main cluster is wanted, only the programs; each test run makes a cluster of its own.
    apt-get -o DPkg::Lock::Timeout=300 update
    # Unquoted: one word a package.
    # shellcheck disable=SC2086
    apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing
elif command -v apt-get >/dev/null 2>&1; then
    echo "the tests need$missing; run this, then again what you ran:" >&2
    echo "    sudo sh -c '$install'" >&2
    exit 1
else
    echo "the tests need$missing: install PostgreSQL's server programs (initdb must be in PATH) and PgBouncer," >&2
    echo "or, for the server alone, set LIFTLOCK_TEST_POSTGRES to the URL of one; on Debian and Ubuntu:" >&2
    echo "    sudo sh -c '$install'" >&2
    exit 1
fi
