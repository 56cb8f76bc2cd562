//! What a run does before a database is asked: reading, taking apart and comparing (criterion).
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use liftlock::migrate::layout::{read_embedded, read_folder};
use liftlock::migrate::script::prepare;
use liftlock::{Dialect, sql};

fn reading(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=1000 {
        let up = format!("CREATE TABLE t{n} (id bigint PRIMARY KEY);\n");
        std::fs::write(folder.path().join(format!("V{n}__t{n}.sql")), up).unwrap();
    }
    c.bench_function("read a folder of 1,000 migrations", |b| {
        b.iter(|| read_folder(black_box(folder.path()), Dialect::Postgres, None).unwrap());
    });
}

fn scripts(c: &mut Criterion) {
    let mut text = String::new();
    while text.len() < 1 << 20 {
        writeln!(
            text,
            "INSERT INTO t VALUES ({}, 'it''s a text; with a semicolon', $x$ and $1 $x$); -- a comment",
            text.len()
        )
        .unwrap();
    }
    let mut group = c.benchmark_group("a script of 1 MiB");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("split", |b| b.iter(|| sql::split(Dialect::Postgres, black_box(&text)).unwrap()));
    let folder = read_embedded(&[("V1__big.sql", &text)], Dialect::Postgres, None).unwrap();
    let script = &folder.migrations[0].up;
    group.bench_function("prepare", |b| {
        b.iter(|| prepare(Dialect::Postgres, folder.layout, black_box(script)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, reading, scripts);
criterion_main!(benches);
