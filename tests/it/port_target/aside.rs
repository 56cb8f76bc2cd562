//! Foreign keys and triggers, off for the copy and back after it, wherever a run was cut short.

use liftlock::port::target::{RestoredState, is_pending, put_back, take_off};

use super::{names, open, open_as, role};
use crate::support::TestDatabase;

const KEYS: &str = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated, \
    obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE contype = 'f' ORDER BY 1, 2";
const TRIGGERS: &str =
    "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2";

const SCHEMA: &str = r#"
CREATE TABLE "Parent" ("A" integer, "B" integer, up integer, PRIMARY KEY ("A", "B"), UNIQUE (up));
CREATE TABLE "Child's" (
    id integer PRIMARY KEY, "A" integer, "B" integer, self integer REFERENCES "Child's" ON DELETE SET NULL,
    CONSTRAINT "the key" FOREIGN KEY ("A", "B") REFERENCES "Parent" ON UPDATE CASCADE ON DELETE RESTRICT,
    CONSTRAINT full_key FOREIGN KEY ("A", "B") REFERENCES "Parent" MATCH FULL DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE other (up integer);
INSERT INTO other VALUES (404);
ALTER TABLE other ADD CONSTRAINT never_valid FOREIGN KEY (up) REFERENCES "Parent" (up) NOT VALID;
COMMENT ON CONSTRAINT "the key" ON "Child's" IS 'it''s a comment';
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the trigger fired''; END';
CREATE TRIGGER "Plain one" BEFORE INSERT ON "Child's" FOR EACH ROW EXECUTE FUNCTION f();
CREATE TRIGGER always BEFORE INSERT ON "Child's" FOR EACH ROW EXECUTE FUNCTION f();
CREATE TRIGGER never BEFORE INSERT ON "Child's" FOR EACH ROW EXECUTE FUNCTION f();
CREATE TRIGGER replica BEFORE INSERT ON "Child's" FOR EACH ROW EXECUTE FUNCTION f();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON "Child's" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();
ALTER TABLE "Child's" ENABLE ALWAYS TRIGGER always, DISABLE TRIGGER never, ENABLE REPLICA TRIGGER replica;
"#;

fn all() -> Vec<String> {
    names(&["Parent", "Child's", "other"])
}

/// The schema, owned by a role that is no superuser.
fn owned(database: &TestDatabase) -> String {
    let role = role(database, "owner");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}; SET SESSION AUTHORIZATION {role}; {SCHEMA}"));
    role
}

#[test]
fn a_role_that_owns_the_tables_takes_off_and_puts_back_exactly_what_was_there() {
    let database = TestDatabase::postgres();
    let role = owned(&database);
    let before = (database.query(KEYS), database.query(TRIGGERS));
    assert_eq!(before.0.len(), 4);

    let mut db = open_as(&database, &role);
    let taken = take_off(&mut db, "public", &all()).unwrap();
    assert_eq!((taken.foreign_keys.len(), taken.triggers.len(), taken.left_on.len()), (4, 3, 0), "{taken:?}");
    assert!(!taken.unfinished);
    assert_eq!(database.query(KEYS), [""; 0]);
    // a child before its parent, and no trigger fires
    db.execute(r#"INSERT INTO "Child's" VALUES (1, 1, 2, 1); INSERT INTO "Parent" VALUES (1, 2, 3)"#).unwrap();

    let restored = put_back(&mut db, "public").unwrap();
    assert_eq!(restored.len(), 7);
    assert!(restored.iter().all(|one| one.state == RestoredState::Same), "{restored:?}");
    assert_eq!((database.query(KEYS), database.query(TRIGGERS)), before);
    assert!(!is_pending(&mut db, "public").unwrap());
    assert_eq!(put_back(&mut db, "public").unwrap(), []);
}

#[test]
fn a_run_that_was_cut_short_is_mended_by_the_next() {
    let database = TestDatabase::postgres();
    let role = owned(&database);
    let before = (database.query(KEYS), database.query(TRIGGERS));
    let restore = |nth: usize| database.value(&format!("SELECT restore FROM liftlock_port_restore WHERE id = {nth}"));

    drop({
        let mut db = open_as(&database, &role);
        take_off(&mut db, "public", &all()).unwrap();
        db
    });
    // the next run finds it off, and takes off what somebody has put back meanwhile
    database.execute(&restore(1));
    let mut db = open_as(&database, &role);
    let taken = take_off(&mut db, "public", &all()).unwrap();
    assert!(taken.unfinished);
    assert_eq!(taken.foreign_keys.len(), 1);
    assert_eq!(database.query(KEYS), [""; 0]);

    // one key put back by hand, one put back and recorded but not validated, one trigger on by hand
    database.execute(&format!("{}; {}", restore(2), restore(5)));
    let last = database.value("SELECT id FROM liftlock_port_restore WHERE name = 'full_key'");
    database.execute(&format!(
        "DO $$ BEGIN EXECUTE (SELECT restore FROM liftlock_port_restore WHERE id = {last}); END $$; \
         UPDATE liftlock_port_restore SET state = 'added' WHERE id = {last}"
    ));
    let restored = put_back(&mut db, "public").unwrap();
    assert!(restored.iter().all(|one| one.state == RestoredState::Same), "{restored:?}");
    assert_eq!((database.query(KEYS), database.query(TRIGGERS)), before);
}

/// Makes the server end the session at its nth statement that changes the schema, once; a sequence counts them, since
/// it keeps its value when the transaction goes.
const KILLER: &str = "
    CREATE SEQUENCE ddl; CREATE SEQUENCE kill_at MAXVALUE 1000;
    CREATE FUNCTION killer() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF nextval('public.ddl') = (SELECT last_value FROM public.kill_at) THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
            PERFORM pg_sleep(60);
        END IF;
    END $$;
    CREATE EVENT TRIGGER killer ON ddl_command_end EXECUTE FUNCTION killer();";

#[test]
fn whichever_statement_the_server_dies_at_all_comes_back() {
    let database = TestDatabase::postgres();
    let role = owned(&database);
    let before = (database.query(KEYS), database.query(TRIGGERS));
    database.execute(KILLER);
    let mut kills = 0;
    for nth in 1.. {
        database.client().batch_execute(&format!("SELECT setval('kill_at', {nth}), setval('ddl', 1, false)")).unwrap();
        let mut died = false;
        let mut db = open_as(&database, &role);
        if take_off(&mut db, "public", &all()).is_err() {
            died = true;
            // what was not recorded is not off
            assert_eq!((database.query(KEYS), database.query(TRIGGERS)), before, "killed at {nth}");
            db = open_as(&database, &role);
            take_off(&mut db, "public", &all()).unwrap();
        }
        assert_eq!(database.query(KEYS), [""; 0]);
        if put_back(&mut db, "public").is_err() {
            assert!(!died, "the killer kills once");
            died = true;
            db = open_as(&database, &role);
            put_back(&mut db, "public").unwrap();
        }
        assert_eq!((database.query(KEYS), database.query(TRIGGERS)), before, "killed at {nth}");
        assert!(!is_pending(&mut db, "public").unwrap());
        if !died {
            break;
        }
        kills += 1;
    }
    // the table and its comment, 7 off, 4 keys and a comment on one, 3 of them validated, 3 triggers
    assert!(kills >= 20, "{kills} kills");
}

#[test]
fn a_key_that_was_put_back_unvalidated_before_a_crash_is_validated_by_the_run_after_it() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)");
    let before = database.query(KEYS);
    let mut db = open(&database);
    take_off(&mut db, "public", &names(&["p", "c"])).unwrap();
    let restore = database.value("SELECT restore FROM liftlock_port_restore");
    database.execute(&format!("{restore}; UPDATE liftlock_port_restore SET state = 'added'"));
    // killed here; the next run copies first, and so takes off again
    take_off(&mut db, "public", &names(&["p", "c"])).unwrap();
    put_back(&mut db, "public").unwrap();
    assert_eq!(database.query(KEYS), before);
}

#[test]
fn rows_without_a_parent_are_named_and_the_key_holds_for_new_ones() {
    let database = TestDatabase::postgres();
    let role = owned(&database);
    let mut db = open_as(&database, &role);
    take_off(&mut db, "public", &all()).unwrap();
    db.execute(
        r#"INSERT INTO "Parent" VALUES (1, 2, 3); INSERT INTO "Child's" SELECT n, 7, n, 1 FROM generate_series(1, 8) n;
           INSERT INTO "Child's" VALUES (9, 1, NULL, 99), (10, NULL, NULL, NULL), (11, 1, 2, 11)"#,
    )
    .unwrap();
    let restored = put_back(&mut db, "public").unwrap();
    let state = |name: &str| &restored.iter().find(|one| one.name == name).unwrap().state;
    let RestoredState::NotValid { rows, examples, validate } = state("the key") else { panic!("{restored:?}") };
    // a key with a NULL in it refers to nothing
    assert_eq!(*rows, 8);
    assert_eq!(examples.len(), 5);
    assert_eq!(examples[0], "id = 1, A = 7, B = 1");
    let RestoredState::NotValid { rows, examples, .. } = state("Child's_self_fkey") else { panic!("{restored:?}") };
    assert_eq!((*rows, &examples[..]), (1, &names(&["id = 9, self = 99"])[..]));
    // MATCH FULL does not take a key that is NULL in part
    assert!(matches!(state("full_key"), RestoredState::NotValid { rows: 9, .. }), "{restored:?}");
    assert!(!is_pending(&mut db, "public").unwrap());
    db.execute(r#"ALTER TABLE "Child's" DISABLE TRIGGER USER"#).unwrap();
    let error = db.execute(r#"INSERT INTO "Child's" VALUES (12, 8, 8, NULL)"#).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("23503"));
    db.execute(&format!(r#"DELETE FROM "Child's" WHERE "A" = 7; {validate}"#)).unwrap();
}

#[test]
fn partitions_have_their_keys_and_triggers_back_as_they_were() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE p (id integer PRIMARY KEY); CREATE SCHEMA aside; \
         CREATE TABLE part (k integer, p integer REFERENCES p ON DELETE CASCADE) PARTITION BY RANGE (k); \
         CREATE TABLE aside.part_1 PARTITION OF part FOR VALUES FROM (0) TO (10); \
         CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20); \
         ALTER TABLE aside.part_1 ADD CONSTRAINT own FOREIGN KEY (k) REFERENCES p; \
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''fired''; END'; \
         CREATE TRIGGER t BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION f(); \
         ALTER TABLE part_2 DISABLE TRIGGER t; ALTER TABLE aside.part_1 ENABLE ALWAYS TRIGGER t",
    );
    let before = (database.query(KEYS), database.query(TRIGGERS));
    let mut db = open(&database);
    let taken = take_off(&mut db, "public", &names(&["part", "p"])).unwrap();
    assert_eq!(taken.foreign_keys.len(), 2, "{taken:?}");
    db.execute("INSERT INTO part VALUES (1, 1), (11, 1)").unwrap();

    // before version 18 such a key can't be put back as NOT VALID: it is missing, and said to be, until the rows fit
    let restored = put_back(&mut db, "public").unwrap();
    let missing: Vec<&str> = restored
        .iter()
        .filter(|one| matches!(one.state, RestoredState::Missing { rows: 2, .. }))
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(missing, ["part_p_fkey"], "{restored:?}");
    assert!(is_pending(&mut db, "public").unwrap());
    db.execute("INSERT INTO p VALUES (1)").unwrap();
    let restored = put_back(&mut db, "public").unwrap();
    assert!(restored.iter().all(|one| one.state == RestoredState::Same), "{restored:?}");
    assert_eq!((database.query(KEYS), database.query(TRIGGERS)), before);
}

#[test]
fn what_a_role_does_not_own_stays_on() {
    let database = TestDatabase::postgres();
    database.execute(SCHEMA);
    let role = role(&database, "guest");
    let before = (database.query(KEYS), database.query(TRIGGERS));
    let mut db = open_as(&database, &role);
    let taken = take_off(&mut db, "public", &all()).unwrap();
    assert_eq!((taken.foreign_keys.len(), taken.triggers.len(), taken.left_on.len()), (0, 0, 7));
    assert_eq!((database.query(KEYS), database.query(TRIGGERS)), before);
    assert!(!is_pending(&mut db, "public").unwrap());

    // an owner who may not refer to the parent again could not put the key back
    database.execute(&format!(r#"GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE other OWNER TO {role}"#));
    let taken = take_off(&mut db, "public", &names(&["other"])).unwrap();
    assert_eq!(taken.left_on, [("other".to_owned(), "never_valid".to_owned())]);
}

#[test]
fn a_table_that_is_gone_does_not_keep_the_others_from_coming_back() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE a (p integer REFERENCES p); \
         CREATE TABLE b (p integer REFERENCES p)",
    );
    let mut db = open(&database);
    take_off(&mut db, "public", &names(&["a", "b"])).unwrap();
    database.execute("DROP TABLE a");
    let restored = put_back(&mut db, "public").unwrap();
    assert!(matches!(&restored[0].state, RestoredState::Missing { reason, rows: 0, .. } if reason.contains("42P01")));
    assert_eq!(restored[1].state, RestoredState::Same);
    assert!(is_pending(&mut db, "public").unwrap());
}
