//! Where in SQL files a table, column, index or constraint is declared: what code hosts show a finding at.

use std::collections::HashMap;

use super::finding::Subject;
use crate::Dialect;
use crate::source_text::position;
use crate::sql::{Cursor, ObjectName, split};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// What files declare, and where.
#[derive(Debug)]
pub struct Declarations {
    dialect: Dialect,
    /// What is shown for what is declared nowhere.
    otherwise: String,
    tables: HashMap<String, Vec<Declared>>,
    /// Indexes, constraints, sequences.
    objects: HashMap<String, Vec<Declared>>,
}

#[derive(Debug)]
struct Declared {
    schema: Option<String>,
    /// Of a constraint, its table, folded: several tables may have one of the same name.
    of: Option<String>,
    place: Place,
    columns: HashMap<String, Place>,
}

impl Declarations {
    /// Of no file yet; what is not found is shown at the first line of `otherwise`.
    #[must_use]
    pub fn new(dialect: Dialect, otherwise: impl Into<String>) -> Self {
        Self { dialect, otherwise: otherwise.into(), tables: HashMap::new(), objects: HashMap::new() }
    }

    /// Adds what `text`, which stands in `file` from `first_line` on, declares; nothing where it can't be taken apart.
    pub fn read(&mut self, file: &str, first_line: usize, text: &str) {
        for statement in split(self.dialect, text).unwrap_or_default() {
            let place = |offset: usize| Place {
                file: file.to_owned(),
                line: position(text, statement.start + offset).line + first_line - 1,
            };
            let mut cursor = Cursor::new(self.dialect, statement.text);
            if cursor.eat("create") {
                while ["or", "replace", "temp", "temporary", "unlogged", "global", "local", "foreign", "unique"]
                    .iter()
                    .any(|word| cursor.eat(word))
                {}
                let kind = cursor.keyword();
                cursor.eat("concurrently");
                cursor.eat_all(&["if", "not", "exists"]);
                match (kind.as_deref(), cursor.name()) {
                    (Some("table"), Some(name)) => self.table(name, &mut cursor, &place),
                    (Some("index" | "sequence"), Some(name)) => self.object(name, None, place(0)),
                    _ => {}
                }
            } else if cursor.eat_all(&["alter", "table"]) {
                cursor.eat_all(&["if", "exists"]);
                cursor.eat("only");
                let Some(table) = cursor.name() else { continue };
                self.altered(&table, &mut cursor, &place);
            }
        }
    }

    fn object(&mut self, name: ObjectName, of: Option<&str>, place: Place) {
        let key = self.folded(&name.name);
        let of = of.map(|table| self.folded(table));
        let declared = Declared { schema: name.schema, of, place, columns: HashMap::new() };
        self.objects.entry(key).or_default().push(declared);
    }

    /// What an ALTER TABLE adds: constraints that have names, columns.
    fn altered(&mut self, table: &ObjectName, cursor: &mut Cursor<'_>, place: &dyn Fn(usize) -> Place) {
        let mut depth = 0_usize;
        while let Some(token) = cursor.peek() {
            let at = place(token.start);
            if depth > 0 || !cursor.eat("add") {
                match token.text {
                    "(" => depth += 1,
                    ")" => depth = depth.saturating_sub(1),
                    _ => {}
                }
                cursor.take();
                continue;
            }
            if cursor.eat("constraint") {
                if let Some(name) = cursor.identifier() {
                    self.object(ObjectName { schema: table.schema.clone(), name }, Some(&table.name), at);
                }
                continue;
            }
            let is_column = cursor.eat("column");
            cursor.eat_all(&["if", "not", "exists"]);
            let of_table = ["primary", "unique", "foreign", "check", "exclude"];
            let constraint = !is_column && of_table.iter().any(|word| cursor.eat(word));
            if let Some(column) = cursor.identifier().filter(|_| !constraint) {
                let (key, column) = (self.folded(&table.name), self.folded(&column));
                let declared = self.tables.entry(key).or_default();
                let schema = table.schema.as_ref();
                match declared.iter_mut().rev().find(|declared| declared.schema.as_ref() == schema) {
                    Some(declared) => {
                        declared.columns.insert(column, at);
                    }
                    None => declared.push(Declared {
                        schema: table.schema.clone(),
                        of: None,
                        place: at.clone(),
                        columns: HashMap::from([(column, at)]),
                    }),
                }
            }
        }
    }

    /// A table with its columns, and the constraints that have names.
    fn table(&mut self, name: ObjectName, cursor: &mut Cursor<'_>, place: &dyn Fn(usize) -> Place) {
        let mut columns = HashMap::new();
        let mut depth = 0_usize;
        let mut begins = false;
        while let Some(token) = cursor.peek() {
            let at = place(token.start);
            if depth == 1 && cursor.eat("constraint") {
                if let Some(constraint) = cursor.identifier() {
                    let object = ObjectName { schema: name.schema.clone(), name: constraint };
                    self.object(object, Some(&name.name), at);
                }
                begins = false;
                continue;
            }
            if begins && let Some(column) = cursor.identifier() {
                columns.entry(self.folded(&column)).or_insert(at);
                begins = false;
                continue;
            }
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            begins = depth == 1 && matches!(token.text, "(" | ",");
            cursor.take();
        }
        let key = self.folded(&name.name);
        self.tables.entry(key).or_default().push(Declared { schema: name.schema, of: None, place: place(0), columns });
    }

    /// Where the subject is declared: the object itself, its first column, its table, or the stand-in.
    #[must_use]
    pub fn place(&self, subject: &Subject) -> Place {
        let own = self.folded(&subject.table);
        let is_of = |declared: &Declared| declared.of.as_ref().is_none_or(|table| *table == own);
        let object = subject.object.as_ref();
        let object = object.and_then(|name| self.declared(&self.objects, &subject.schema, name, &is_of));
        let table = self.declared(&self.tables, &subject.schema, &subject.table, &|_| true);
        let of_column = || table?.columns.get(&self.folded(subject.columns.first()?)).cloned();
        object
            .map(|declared| declared.place.clone())
            .or_else(of_column)
            .or_else(|| table.map(|declared| declared.place.clone()))
            .unwrap_or_else(|| Place { file: self.otherwise.clone(), line: 1 })
    }

    fn declared<'a>(
        &self,
        among: &'a HashMap<String, Vec<Declared>>,
        schema: &str,
        name: &str,
        fits: &dyn Fn(&Declared) -> bool,
    ) -> Option<&'a Declared> {
        // what was made anew is what is there
        let found = || among.get(&self.folded(name)).into_iter().flatten().rev().filter(|declared| fits(declared));
        let same =
            |declared: &&Declared| declared.schema.as_ref().is_some_and(|own| self.folded(own) == self.folded(schema));
        found().find(same).or_else(|| found().find(|declared| declared.schema.is_none()))
    }

    fn folded(&self, name: &str) -> String {
        if self.dialect == Dialect::Sqlite { name.to_ascii_lowercase() } else { name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(dialect: Dialect, text: &str, subject: (&str, &str, &[&str], Option<&str>)) -> (String, usize) {
        let mut declarations = Declarations::new(dialect, "liftlock.yaml");
        declarations.read("schema.sql", 1, text);
        let (schema, table, columns, object) = subject;
        let place = declarations.place(&Subject {
            schema: schema.to_owned(),
            table: table.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            object: object.map(str::to_owned),
        });
        (place.file, place.line)
    }

    #[test]
    fn tables_columns_and_objects_have_their_lines() {
        let text = "-- the shop\nCREATE TABLE IF NOT EXISTS app.Orders (\n  id bigint PRIMARY KEY,\n  \
                    price numeric(10, 2),\n  \"Customer\" bigint,\n  CONSTRAINT orders_fk FOREIGN KEY (\"Customer\")\n    \
                    REFERENCES app.customers (id)\n);\n\nCREATE UNIQUE INDEX CONCURRENTLY orders_i\n  ON app.orders (price);\n\
                    ALTER TABLE ONLY app.orders\n  ADD CONSTRAINT orders_other CHECK (id > 0);\n\
                    CREATE TABLE Orders (x int);";
        let at =
            |schema, table, columns: &[&str], object| line(Dialect::Postgres, text, (schema, table, columns, object)).1;
        assert_eq!(at("app", "orders", &[], None), 2);
        assert_eq!(at("app", "orders", &["price"], None), 4);
        assert_eq!(at("app", "orders", &["Customer", "id"], None), 5);
        assert_eq!(at("app", "orders", &["customer"], None), 2);
        assert_eq!(at("app", "orders", &["Customer"], Some("orders_fk")), 6);
        assert_eq!(at("app", "orders", &[], Some("orders_i")), 10);
        assert_eq!(at("app", "orders", &[], Some("orders_other")), 13);
        assert_eq!(at("public", "orders", &["x"], None), 14);
        assert_eq!(line(Dialect::Postgres, text, ("x", "nowhere", &[], None)), ("liftlock.yaml".to_owned(), 1));
    }

    #[test]
    fn sqlites_names_are_alike_in_either_case() {
        let text = "create table \"Order\" (\n  [Id] integer primary key,\n  customer\n);\ncreate index i on \"Order\"(customer);";
        let at = |columns: &[&str], object| line(Dialect::Sqlite, text, ("main", "Order", columns, object)).1;
        assert_eq!((at(&[], None), at(&["CUSTOMER"], None), at(&[], Some("I"))), (1, 3, 5));
    }

    #[test]
    fn constraints_of_one_name_are_told_apart_by_their_tables() {
        let text = "CREATE TABLE a (x int CONSTRAINT fk REFERENCES p);\nCREATE TABLE b (x int,\n  CONSTRAINT fk FOREIGN KEY (x) \
                    REFERENCES p);\nALTER TABLE c ADD UNIQUE (x),\n  ADD CONSTRAINT fk FOREIGN KEY (x) REFERENCES p;";
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let at = |table| line(dialect, text, ("public", table, &["x"], Some("fk"))).1;
            assert_eq!((at("a"), at("b"), at("c")), (1, 3, 5));
            assert_eq!(line(dialect, text, ("public", "d", &["x"], Some("fk"))).0, "liftlock.yaml");
        }
    }

    #[test]
    fn a_column_that_was_added_is_shown_where_it_was() {
        let text = "CREATE TABLE a (x int);\nALTER TABLE a ADD COLUMN y int DEFAULT (1 + 2),\n  ADD z int,\n  ADD CHECK (z > 0);\n\
                    ALTER TABLE only_here ADD COLUMN IF NOT EXISTS y int;";
        let at = |table, column| line(Dialect::Postgres, text, ("public", table, &[column], None)).1;
        assert_eq!((at("a", "x"), at("a", "y"), at("a", "z"), at("a", "gone")), (1, 2, 3, 1));
        assert_eq!(at("only_here", "y"), 5);
    }

    #[test]
    fn what_was_made_anew_is_shown_where_it_was() {
        let text = "CREATE TABLE a (x int);\nCREATE INDEX i ON a (x);\nDROP TABLE a;\nCREATE TABLE a (\n  x int);\nCREATE INDEX i ON a (x);";
        let at = |object| line(Dialect::Sqlite, text, ("main", "a", &["x"], object)).1;
        assert_eq!((at(None), at(Some("i"))), (5, 6));
    }

    #[test]
    fn a_file_that_is_no_sql_declares_nothing() {
        assert_eq!(line(Dialect::Sqlite, "create table a('", ("main", "a", &[], None)).0, "liftlock.yaml");
    }
}
