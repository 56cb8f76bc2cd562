//! What a port leaves behind where rows were put aside, or where it did not come to its end.

use super::Port;

/// Two users, the second of which can't be stored, and three orders, two of them the second's.
const HALF: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT REFERENCES users);
     INSERT INTO users VALUES (1, 'a'), (2, CAST(X'410042' AS TEXT));
     INSERT INTO orders VALUES (1, 1), (2, 2), (3, 2);";

const NOT_VALID: &str = "FOREIGN KEY (user_id) REFERENCES users(id) NOT VALID";

#[test]
fn children_of_rows_put_aside_have_no_parent() {
    for flags in [&[][..], &["--single-transaction"]] {
        let port = Port::of(HALF);
        let done = port.run(&[&["--on-error", "quarantine"], flags].concat()).is_incomplete();
        assert_eq!(port.constraints("orders", 'f'), [NOT_VALID], "{done}");
        let finding = done.finding("orders", "user_id", &["orphans", "left-out", "id = 2", "id = 3", "VALIDATE"]);
        assert_eq!(finding["rows"], 2, "{done}");
        assert_eq!(done.left_out(), ["orphans"], "{done}");
        let state = |object: &&serde_json::Value| object["kind"] == "foreign key";
        assert_eq!(done.list("objects").find(state).unwrap()["state"], "changed-as-decided", "{done}");
    }
}

#[test]
fn orphans_of_the_source_are_counted_with_them() {
    let port = Port::of(HALF);
    port.sqlite("INSERT INTO orders VALUES (4, 99)");
    let done = port.run(&["--on-error", "quarantine"]).is_incomplete();
    assert_eq!(port.constraints("orders", 'f'), [NOT_VALID], "{done}");
    assert_eq!(done.finding("orders", "user_id", &["orphans", "id = 4"])["rows"], 3, "{done}");
    assert_eq!(done.left_out(), ["orphans"], "{done}");
    // accepted as what the plan knows is
    let port = Port::of(HALF);
    let done = port.run(&["--on-error", "quarantine", "--accept", "orphans:orders.user_id"]);
    assert_eq!(done.finding("orders", "user_id", &["orphans"])["accepted"], true, "{done}");
}

#[test]
fn orphans_that_no_row_put_aside_has_made_are_told_as_they_are() {
    let port = Port::of(HALF);
    port.sqlite("DELETE FROM users WHERE id = 2; DELETE FROM orders WHERE id = 3");
    let done = port.run(&[]).is_incomplete();
    done.finding("orders", "user_id", &["orphans", "rowid 2"]);
    assert_eq!(done.left_out(), ["orphans"], "{done}");
}
