#!/bin/sh
# Checks the licences, sources and advisories of the dependencies, as far as that works offline, and says what it left
# out. cargo-deny isn't installed from here: it takes minutes to compile.
set -eu
cd "$(dirname "$0")/.."

# Older ones can't read deny.toml: they know neither its tables nor Unicode-3.0.
oldest=0.16.0
version=$(cargo deny --version 2>/dev/null | sed 's/^cargo-deny //') || true
if [ -n "$version" ] && [ "$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ]; then
    cargo deny --offline --locked check licenses bans sources
    home=${CARGO_HOME:-$HOME/.cargo}
    if [ -d "$home/advisory-dbs" ] || [ -d "$home/advisory-db" ]; then
        cargo deny --offline --locked check advisories
    else
        echo "advisories: SKIPPED, there is no advisory database here; \`cargo deny fetch\` gets it"
    fi
    exit
fi

echo "bans, sources, advisories: SKIPPED, there is no cargo-deny from $oldest on; \`cargo install --locked cargo-deny\`"
if ! command -v python3 >/dev/null 2>&1; then
    echo "licences: SKIPPED, neither cargo-deny nor python3 is there"
    exit
fi
metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
if ! cargo metadata --format-version 1 --locked --all-features >"$metadata" 2>/dev/null; then
    # What only other platforms need isn't downloaded by a build, and can't be without a network.
    host=$(rustc -vV | sed -n 's/^host: //p')
    echo "licences: of what $host needs alone; the rest isn't downloaded"
    cargo metadata --format-version 1 --locked --all-features --offline --filter-platform "$host" >"$metadata"
fi
python3 scripts/licences.py <"$metadata"
