//! What names become, by examples and by properties.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::schema::{Column, Table, View};

fn table(name: &str, columns: &[&str]) -> Table {
    let columns = columns.iter().map(|&name| Column { name: name.to_owned(), ..Column::default() }).collect();
    Table { name: name.to_owned(), columns, ..Table::default() }
}

fn tables(named: &[(&str, &[&str])]) -> Schema {
    Schema { tables: named.iter().map(|&(name, columns)| table(name, columns)).collect(), ..Schema::default() }
}

fn style(names: NameStyle) -> Options {
    Options { names, ..Options::default() }
}

fn renames(pairs: &[(&str, &str)]) -> Options {
    let renames = pairs.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())).collect::<BTreeMap<_, _>>();
    Options { renames, ..Options::default() }
}

fn codes(findings: &[Finding]) -> Vec<(&str, Option<&str>, Option<&str>)> {
    findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.table.as_deref(), finding.object.as_deref()))
        .collect()
}

#[test]
fn names_are_kept_as_they_are() {
    let schema = tables(&[("Order", &["Id", "a b", "q\"x", "oid", "Xmin"]), ("order", &[]), ("ä.b", &[])]);
    let (names, findings) = Names::new(&schema, &Options::default());
    assert_eq!(findings, []);
    assert_eq!(names.table("ä.b"), "ä.b");
    assert_eq!(names.column("ORDER", "id"), "id", "the last of two tables that SQLite could not hold both");
    let (names, _) = Names::new(&tables(&[("Order", &["Id", "a b", "oid"])]), &Options::default());
    assert_eq!(
        (names.table("order"), names.column("order", "ID"), names.column("Order", "oid")),
        ("Order", "Id", "oid")
    );
    assert_eq!((names.table("Unknown"), names.column("Unknown", "C")), ("Unknown", "C"));
}

#[test]
fn styles_change_names_and_say_so() {
    let schema = tables(&[("OrderDetails", &["unitPrice", "id"])]);
    let (names, findings) = Names::new(&schema, &style(NameStyle::SnakeCase));
    assert_eq!(
        (names.table("OrderDetails"), names.column("OrderDetails", "unitPrice")),
        ("order_details", "unit_price")
    );
    let expected =
        [("name-changed", Some("OrderDetails"), None), ("name-changed", Some("OrderDetails"), Some("unitPrice"))];
    assert_eq!(codes(&findings), expected);
    assert!(findings.iter().all(|finding| finding.level == Level::Change));
    assert_eq!(
        findings[1].message,
        "`unitPrice` of `OrderDetails` is called `unit_price` in PostgreSQL: names are written in another style"
    );
    let (mut names, _) = Names::new(&schema, &style(NameStyle::Lowercase));
    assert_eq!(names.table("OrderDetails"), "orderdetails");
    assert_eq!(names.relation("IX_Orders"), "ix_orders");
    assert_eq!(names.constraint("OrderDetails", "CK_Price"), "ck_price");
}

#[test]
fn a_name_that_needs_no_change_is_not_the_one_to_make_room() {
    let schema = tables(&[("user name", &[]), ("UserName", &[]), ("user_name", &["A B", "a_b"])]);
    let (names, findings) = Names::new(&schema, &style(NameStyle::SnakeCase));
    assert_eq!(names.table("user_name"), "user_name");
    assert_eq!(names.column("user_name", "a_b"), "a_b");
    let others = [names.table("user name"), names.table("UserName"), names.column("user_name", "A B")];
    assert!(others[..2].iter().all(|name| name.starts_with("user_name_") && name.len() == 18), "{others:?}");
    assert!(others[2].starts_with("a_b_"), "{others:?}");
    assert_ne!(others[0], others[1]);
    assert_eq!(findings.len(), 3);
    assert!(findings[0].message.ends_with("the name is taken by another"), "{}", findings[0].message);
}

#[test]
fn long_names_are_cut_between_characters_with_a_hash() {
    let long = |end: &str| "a_very_long_identifier_name_that_goes_past_the_limit_of_postgresql_".to_owned() + end;
    let wide = "é".repeat(40);
    let (one, two) = (long("c1"), long("c2"));
    let schema = tables(&[("t", &[&one, &two, &wide])]);
    let (names, findings) = Names::new(&schema, &Options::default());
    let found = [names.column("t", &one), names.column("t", &two), names.column("t", &wide)];
    // hashes that must never change: a second run and another version look for these names
    let expected = [
        "a_very_long_identifier_name_that_goes_past_the_limit_o_743dc051",
        "a_very_long_identifier_name_that_goes_past_the_limit_o_f663a184",
        "ééééééééééééééééééééééééééé_a4cb0999",
    ];
    assert_eq!(found, expected);
    assert_eq!(findings.len(), 3);
    let sixty_three = "x".repeat(63);
    let (names, findings) = Names::new(&tables(&[(&sixty_three, &[])]), &Options::default());
    assert_eq!((names.table(&sixty_three), findings.len()), (sixty_three.as_str(), 0));
}

#[test]
fn system_columns_get_an_underscore_in_tables_alone() {
    let mut schema = tables(&[("t", &["xmin", "ctid", "tableoid", "oid", "CMAX", "xmin_"])]);
    schema.views.push(View { name: "v".into(), columns: vec!["xmin".into()], sql: String::new() });
    let (names, findings) = Names::new(&schema, &Options::default());
    let found: Vec<_> = schema.tables[0].columns.iter().map(|column| names.column("t", &column.name)).collect();
    assert_eq!(found[1..], ["ctid_", "tableoid_", "oid", "CMAX", "xmin_"]);
    assert!(found[0].starts_with("xmin_") && found[0].len() == 13, "{}", found[0]);
    assert_eq!(names.column("v", "xmin"), "xmin");
    assert_eq!(findings.len(), 3);
    let (names, _) = Names::new(&schema, &style(NameStyle::Lowercase));
    assert_eq!(names.column("t", "CMAX"), "cmax_");
}

#[test]
fn empty_names_and_names_with_nul_get_one() {
    let (names, findings) = Names::new(&tables(&[("", &["", "a\0b", "unnamed"])]), &Options::default());
    assert_eq!((names.table(""), names.column("", "a\0b"), names.column("", "unnamed")), ("unnamed", "a_b", "unnamed"));
    assert!(names.column("", "").starts_with("unnamed_"));
    assert_eq!(findings.len(), 3);
}

#[test]
fn our_own_tables_names_are_taken() {
    let schema = tables(&[("liftlock_port_run", &["id"])]);
    let (mut names, findings) = Names::new(&schema, &Options::default());
    assert!(names.table("liftlock_port_run").starts_with("liftlock_port_run_"));
    assert_eq!(findings.len(), 1);
    for ours in crate::port::checkpoint::TABLES {
        assert_ne!(names.relation(ours), ours);
    }
    for ours in OURS {
        assert_ne!(names.relation(ours), ours);
    }
}

#[test]
fn renames_come_first() {
    let schema = tables(&[("orders", &["id", "total.sum"]), ("a.b", &["c"]), ("old", &[])]);
    let options = renames(&[("ORDERS", "Orders 2"), ("orders.total.SUM", "total"), ("a.b", "ab"), ("a.b.c", "C")]);
    let (names, findings) = Names::new(&schema, &options);
    assert_eq!((names.table("orders"), names.column("orders", "total.sum")), ("Orders 2", "total"));
    assert_eq!((names.table("a.b"), names.column("a.b", "c")), ("ab", "C"));
    assert_eq!(findings.len(), 4);
    assert!(findings.iter().all(|finding| finding.code == "name-changed"));

    // a name can't be two tables', whoever had it first
    let (names, findings) = Names::new(&schema, &renames(&[("orders", "old")]));
    assert_eq!(names.table("orders"), "old");
    assert!(names.table("old").starts_with("old_"));
    assert_eq!(codes(&findings), [("name-changed", Some("orders"), None), ("rename-refused", Some("old"), None)]);
    assert_eq!(findings[1].message, "`orders` and `old` are both to be called `old`: only one of them can be");
}

#[test]
fn a_rename_onto_anothers_name_names_both() {
    let schema = tables(&[("t", &["a", "b", "c"]), ("People", &["x"]), ("users", &["x"])]);
    let blockers = |options: &Options| {
        let (_, findings) = Names::new(&schema, options);
        let blockers = findings.into_iter().filter(|finding| finding.level == Level::Blocker);
        blockers.map(|finding| (finding.code, finding.message)).collect::<Vec<_>>()
    };
    let refused = |message: &str| vec![("rename-refused".to_owned(), message.to_owned())];
    let mut options = renames(&[("t.b", "a")]);
    assert_eq!(blockers(&options), refused("`b` and `a` of `t` are both to be called `a`: only one of them can be"));
    options.renames.insert("t.a".to_owned(), "b".to_owned());
    assert_eq!(blockers(&options), [], "they change names with each other");
    options.renames.insert("t.c".to_owned(), "b".to_owned());
    assert_eq!(blockers(&options), refused("`a` and `c` of `t` are both to be called `b`: only one of them can be"));
    let styled = Options { names: NameStyle::Lowercase, ..renames(&[("users", "people")]) };
    assert_eq!(
        blockers(&styled),
        refused("`users` and `People` are both to be called `people`: only one of them can be")
    );
}

#[test]
fn renames_that_cannot_be_stop_the_plan() {
    let schema = tables(&[("a", &["x"]), ("b", &["y"])]);
    let (names, findings) =
        Names::new(&schema, &renames(&[("a", "c"), ("b", "c"), ("b.y", ""), ("d", "e"), ("a.y", "z")]));
    assert_eq!(names.table("a"), "c");
    assert_ne!(names.table("b"), "c");
    let blockers: Vec<_> = findings
        .iter()
        .filter(|finding| finding.level == Level::Blocker)
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(blockers, ["unknown-rename", "unknown-rename", "rename-refused", "rename-refused"]);
}

#[test]
fn what_is_left_out_takes_no_name() {
    let schema = tables(&[("a b", &[]), ("A B", &[]), ("x", &[])]);
    let options =
        Options { names: NameStyle::SnakeCase, exclude: vec!["x".into(), "nothing*".into()], ..Options::default() };
    let (mut names, findings) = Names::new(&schema, &options);
    assert!(findings.iter().all(|finding| finding.table.as_deref() != Some("x")));
    assert_eq!(findings[0].message, "no table or view fits the pattern `nothing*`");
    assert_eq!(names.relation("x"), "x");
}

#[test]
fn relations_share_a_space_and_constraints_are_each_tables_own() {
    let mut schema = tables(&[("t", &[]), ("u", &[])]);
    schema.views.push(View { name: "v".into(), ..View::default() });
    let (mut names, _) = Names::new(&schema, &Options::default());
    assert_eq!(names.relation("t_pkey"), "t_pkey");
    for taken in ["t", "v", "t_pkey"] {
        let other = names.relation(taken);
        assert!(other.starts_with(&format!("{taken}_")) && other.len() == taken.len() + 9, "{other}");
    }
    assert_eq!(names.relation("T_PKEY"), "T_PKEY");
    assert_eq!(names.constraint("t", "c"), "c");
    assert_eq!(names.constraint("u", "c"), "c");
    assert_eq!(names.constraint("t", "v"), "v");
    assert_ne!(names.constraint("T", "c"), "c");
    assert_ne!(names.constraint("t", "t_pkey"), "t_pkey", "a primary key's constraint has its name");
    assert_ne!(names.relation("c"), "c");
}

proptest! {
    #[test]
    fn distinct_names_never_collide_and_always_fit(
        sources in prop::collection::vec(
            prop_oneof!["[a-cA-C _.-]{0,4}", "[aAé]{60,70}", "(ctid|xmin|XMIN_|oid|liftlock_port_run|unnamed|\0)", any::<String>()],
            1..40,
        ),
        style in prop_oneof![Just(NameStyle::Keep), Just(NameStyle::Lowercase), Just(NameStyle::SnakeCase)],
        wanted in prop::collection::vec("[a-cA-C_]{0,3}|x{70,72}", 0..20),
        renamed in prop::collection::vec((0_usize..40, "[a-c]{0,2}|é{40}"), 0..4),
    ) {
        // names that SQLite can hold side by side
        let mut seen = HashSet::new();
        let sources: Vec<_> = sources.into_iter().filter(|name| seen.insert(key(name))).collect();
        let columns: Vec<_> = sources.iter().map(String::as_str).collect();
        let named: Vec<_> = columns.iter().map(|&name| (name, columns.as_slice())).collect();
        let schema = tables(&named);
        let mut options = Options { names: style, ..Options::default() };
        for (at, to) in renamed {
            if let Some(name) = sources.get(at) {
                options.renames.insert(name.clone(), to.clone());
                options.renames.insert(format!("{name}.{name}"), to);
            }
        }
        let (mut names, findings) = Names::new(&schema, &options);
        let (again, same) = Names::new(&schema, &options);
        prop_assert_eq!(&findings, &same);

        let fits = |name: &str| !name.is_empty() && name.len() <= 63 && !name.contains('\0');
        let mut taken = HashSet::from(OURS.map(str::to_owned));
        for source in &columns {
            prop_assert_eq!(names.table(source), again.table(source));
            prop_assert!(fits(names.table(source)));
            prop_assert!(taken.insert(names.table(source).to_owned()), "{source}");
            let is_of = |it: &&Finding| it.table.as_deref() == Some(source) && it.object.is_none();
            let found: Vec<_> = findings.iter().filter(is_of).map(|it| it.code.as_str()).collect();
            let expected: &[&str] = if names.table(source) == *source { &[] } else { &["name-changed"] };
            prop_assert!(found == expected || found == ["rename-refused"], "{}: {:?}", source, found);
            let mut of_table = HashSet::new();
            for column in &columns {
                let target = names.column(source, column);
                prop_assert_eq!(target, again.column(source, column));
                prop_assert!(fits(target) && !SYSTEM_COLUMNS.contains(&target), "{}", target);
                prop_assert!(of_table.insert(target.to_owned()), "{column}");
            }
        }
        let mut of_table = HashSet::new();
        for name in &wanted {
            let relation = names.relation(name);
            prop_assert!(fits(&relation) && taken.insert(relation.clone()), "{relation}");
            prop_assert!(of_table.insert(relation));
            let constraint = names.constraint(columns[0], name);
            prop_assert!(fits(&constraint) && of_table.insert(constraint.clone()), "{constraint}");
        }
    }
}
