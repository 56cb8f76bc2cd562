#!/bin/sh
# Audits of 5,000 tables, 20,000 indexes and 10,000 foreign keys side by side: ours, `.lint fkey-indexes`, and the SQL of a
# catalog-only checker as the floor. Whole processes, taking turns.
# usage: audit.sh [postgres://…/DATABASE]   (an empty database, which is left full; without one SQLite alone)
# RUNS=5 says how often. Takes liftlock, sqlite3, psql from the PATH, and GNU time from /usr/bin.
set -eu
runs=${RUNS:-5}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

schema() { # sqlite or postgres
    awk -v dialect="$1" 'BEGIN {
        tables = 5000
        sqlite = dialect == "sqlite"
        whole = sqlite ? "INTEGER" : "bigint"
        print "BEGIN;"
        for (i = 0; i < tables; i++) {
            a = (i * 7 + 1) % tables; b = (i * 13 + 5) % tables
            to_a = "FOREIGN KEY (a) REFERENCES t" a " (id)"; to_b = "FOREIGN KEY (b) REFERENCES t" b " (id)"
            printf "CREATE TABLE t%d (id %s PRIMARY KEY, a %s, b %s, c %s, d text%s);\n", i, whole, whole, whole, whole, \
                sqlite ? ", " to_a ", " to_b : ""
            later = later (sqlite ? "" : "ALTER TABLE t" i " ADD " to_a ", ADD " to_b ";\n")
            printf "CREATE INDEX t%d_a ON t%d (a, c);\n", i, i
            printf "CREATE INDEX t%d_d ON t%d (d) WHERE d IS NOT NULL;\n", i, i
            printf "CREATE INDEX t%d_l ON t%d (c, lower(d));\n", i, i
            # PostgreSQL has an index for the primary key
            if (sqlite) printf "CREATE INDEX t%d_c ON t%d (c);\n", i, i
            # all at once would take more locks than a server has room for
            if (!sqlite && i % 200 == 199) print "COMMIT; BEGIN;"
        }
        if (!sqlite) {
            count = split(later, lines, "\n")
            for (i = 1; i < count; i++) { print lines[i]; if (i % 200 == 0) print "COMMIT; BEGIN;" }
        }
        print "COMMIT;"
    }'
}

# What a checker that only looks at column lists asks.
cat >"$scratch/floor.sqlite.sql" <<'SQL'
WITH fk AS MATERIALIZED (
    SELECT m.name AS tbl, f.id, f.seq, f."from" AS col FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
     WHERE m.type = 'table'
), ix AS MATERIALIZED (
    SELECT DISTINCT m.name AS tbl, c.name AS col
      FROM sqlite_schema m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
     WHERE m.type = 'table' AND c.seqno = 0
)
SELECT fk.tbl, fk.col FROM fk LEFT JOIN ix USING (tbl, col) WHERE fk.seq = 0 AND ix.tbl IS NULL;
SQL
cat >"$scratch/floor.postgres.sql" <<'SQL'
SELECT k.conrelid::regclass, k.conname, k.conkey
  FROM pg_constraint k
 WHERE k.contype = 'f'
   AND NOT EXISTS (SELECT FROM pg_index x
                    WHERE x.indrelid = k.conrelid AND x.indpred IS NULL
                      AND (x.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey);
SQL

run() { # name, command …
    name=$1
    shift
    /usr/bin/time -a -o "$scratch/$name" -f '%e %U %S %M' "$@" >/dev/null 2>&1 || [ $? = 1 ]
}

median() { # file, expression over the fields
    awk "{ print $2 }" "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

report() { # floor, name …
    floor=$1
    base=$(median "$scratch/$floor" '$2 + $3')
    base_wall=$(median "$scratch/$floor" '$1')
    for name in "$@"; do
        # GNU time writes a line of its own for an exit code that is not 0
        grep -v '^Command' "$scratch/$name" >"$scratch/$name.numbers"
        mv "$scratch/$name.numbers" "$scratch/$name"
        echo "$name $(median "$scratch/$name" '$1') $(median "$scratch/$name" '$2 + $3') $(median "$scratch/$name" '$4')" |
            awk -v base="$base" -v wall="$base_wall" '{
                printf "| %s | %.2f | %.2f | %.2f | %.2f | %.0f |\n", $1, $2, $2 / (wall + 1e-9), $3, $3 / (base + 1e-9), $4 / 1000
            }'
    done
}

echo '| what | whole, s | to the floor | processor, s | to the floor | peak RSS, MB |'
echo '|---|---|---|---|---|---|'
schema sqlite | sqlite3 "$scratch/big.db"
for _ in $(seq "$runs"); do
    run floor-sqlite sqlite3 "$scratch/big.db" ".read $scratch/floor.sqlite.sql"
    run liftlock-sqlite liftlock audit "$scratch/big.db" --json
    run lint-fkey-indexes sqlite3 "$scratch/big.db" '.lint fkey-indexes'
done
report floor-sqlite liftlock-sqlite lint-fkey-indexes

if [ $# -gt 0 ]; then
    schema postgres | psql -qX -v ON_ERROR_STOP=1 "$1"
    psql -qX "$1" -c 'VACUUM ANALYZE'
    for _ in $(seq "$runs"); do
        run floor-postgres psql -AtX "$1" -f "$scratch/floor.postgres.sql"
        run liftlock-postgres liftlock audit "$1" --json
    done
    report floor-postgres liftlock-postgres
fi
