//! Primary keys, UNIQUE, foreign keys and indexes.

use super::Context;
use super::columns::sentence;
use crate::Dialect;
use crate::port::plan::{ForeignKeyPlan, IndexPlan, KeyPlan, Level, TablePlan};
use crate::port::translate::{Want, translate};
use crate::schema::{Action, Deferral, ForeignKey, Indexed, KeyColumn, ParentState, Schema};
use crate::value::PgType;

fn quote(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}

impl Context<'_> {
    pub(super) fn keys(&mut self, planned: &mut TablePlan) {
        if let Some(key) = self.table.primary_key.clone() {
            let wanted = key.name.clone().unwrap_or_else(|| format!("{}_pkey", planned.target));
            // with NULLs in it, it can be no more than UNIQUE
            let primary = !self.facts.broken.null_keys.contains(&self.table.name);
            self.key(planned, &wanted, &key.columns, primary);
        }
        for unique in self.table.uniques.clone() {
            let columns: Vec<&str> = unique.columns.iter().map(|column| column.name.as_str()).collect();
            let wanted = unique.name.clone().unwrap_or_else(|| format!("{}_{}_key", planned.target, columns.join("_")));
            self.key(planned, &wanted, &unique.columns, false);
        }
    }

    fn key(&mut self, planned: &mut TablePlan, wanted: &str, columns: &[KeyColumn], primary: bool) {
        let mut targets = Vec::new();
        let mut terms = Vec::new();
        let mut lowered = false;
        for column in columns {
            let Some(target) = planned.column(&column.name) else { return };
            let text = matches!(target.pg_type, PgType::Text | PgType::Varchar(_));
            if target.pg_type == PgType::Json {
                let message = format!(
                    "The key ({}) is left out: PostgreSQL can't compare values of type json. jsonb or text by choice can \
                     be compared.",
                    shown(columns)
                );
                self.find("unique", Level::LeftOut, &shown(columns), message);
                return;
            }
            let quoted = quote(&target.target);
            targets.push(target.target.clone());
            if self.lower_index(column.collation.as_deref()) && text {
                lowered = true;
                terms.push(format!("lower({quoted} COLLATE \"C\")"));
            } else if text && column.collation.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("RTRIM")) {
                lowered = true;
                terms.push(format!("rtrim({quoted}, ' ')"));
            } else {
                terms.push(quoted);
            }
        }
        // unique without regard to case is unique by bytes too, so a primary key can stay one beside the index
        if lowered {
            let name = self.names.relation(&format!("{wanted}_nocase"));
            planned.indexes.push(IndexPlan { name, unique: true, terms, predicate: None });
        }
        if primary {
            planned.primary_key = Some(KeyPlan { name: self.names.relation(wanted), columns: targets });
        } else if !lowered {
            planned.uniques.push(KeyPlan { name: self.names.relation(wanted), columns: targets });
        }
    }

    pub(super) fn indexes(&mut self, planned: &mut TablePlan) {
        let scope = self.scope(planned);
        for index in self.table.indexes.clone() {
            let mut terms = Vec::new();
            let mut assumptions = Vec::new();
            let mut why = None;
            for term in &index.terms {
                let direction = if term.descending { " DESC" } else { "" };
                let collation = term.collation.as_deref();
                let sql = match &term.what {
                    Indexed::Column(name) => match planned.column(name) {
                        None => Err(format!("its column `{name}` does not come along")),
                        Some(column) if column.pg_type == PgType::Json => {
                            Err(format!("PostgreSQL can't order `{name}`, which is json"))
                        }
                        Some(column) => self.column_term(&column.target, &column.pg_type, collation),
                    },
                    Indexed::Expression(text) => {
                        let collated = match collation {
                            Some(name) if !text.to_ascii_uppercase().contains("COLLATE") => {
                                format!("({text}) COLLATE \"{name}\"")
                            }
                            _ => text.clone(),
                        };
                        match translate(&collated, &scope, &Want::IndexTerm) {
                            Ok(sql) => {
                                assumptions.extend(sql.assumptions);
                                let sql = if self.lower_index(collation) {
                                    format!("lower(({}) COLLATE \"C\")", sql.text)
                                } else {
                                    sql.text
                                };
                                Ok(format!("({sql})"))
                            }
                            Err(error) => Err(error.to_string()),
                        }
                    }
                };
                match sql {
                    Ok(sql) => terms.push(format!("{sql}{direction}")),
                    Err(error) => why = Some(error),
                }
            }
            let predicate = match &index.predicate {
                None => None,
                Some(text) => match translate(text, &scope, &Want::Predicate) {
                    Ok(sql) => {
                        assumptions.extend(sql.assumptions);
                        Some(sql.text)
                    }
                    Err(error) => {
                        why = Some(error.to_string());
                        None
                    }
                },
            };
            if let Some(why) = why {
                let unique = if index.unique { " It is unique, so that duplicates would be let in." } else { "" };
                let message = format!("The index `{}` is left out: {}.{unique}", index.name, sentence(&why));
                let sql = index.sql.clone();
                self.find("index", Level::LeftOut, &index.name, message).examples.push(sql);
                continue;
            }
            self.assume(&index.name, assumptions);
            let name = self.names.relation(&index.name);
            planned.indexes.push(IndexPlan { name, unique: index.unique, terms, predicate });
        }
    }

    fn column_term(&self, target: &str, pg_type: &PgType, collation: Option<&str>) -> Result<String, String> {
        let quoted = quote(target);
        let text = matches!(pg_type, PgType::Text | PgType::Varchar(_) | PgType::Char(_));
        match collation.map(str::to_ascii_uppercase).as_deref() {
            _ if !text => Ok(quoted),
            Some("NOCASE") if self.lower_index(collation) => Ok(format!("lower({quoted} COLLATE \"C\")")),
            Some("NOCASE") | None => Ok(quoted),
            Some("RTRIM") => Ok(format!("rtrim({quoted}, ' ')")),
            Some(other) => Err(format!("the collation `{other}` is the application's own")),
        }
    }

    pub(super) fn foreign_keys(
        &mut self,
        schema: &Schema,
        planned: &TablePlan,
        tables: &[TablePlan],
    ) -> Vec<ForeignKeyPlan> {
        let mut out = Vec::new();
        for (at, key) in self.table.foreign_keys.clone().into_iter().enumerate() {
            let shown = format!("({}) → {} ({})", key.columns.join(", "), key.parent, key.parent_columns.join(", "));
            let place = (self.table.name.clone(), at);
            if self.facts.broken.mistyped.contains(&place) {
                continue;
            }
            match self.foreign_key(schema, &key, planned, tables) {
                Ok(mut made) => {
                    let wanted = key
                        .name
                        .clone()
                        .unwrap_or_else(|| format!("{}_{}_fkey", planned.target, made.columns.join("_")));
                    made.name = self.names.constraint(&planned.source, &wanted);
                    made.not_valid = self.facts.broken.foreign_keys.contains(&place);
                    out.push(made);
                }
                Err(why) => {
                    let message = format!("The foreign key {shown} is left out: {why}.");
                    self.find("foreign-key", Level::LeftOut, &shown, message);
                }
            }
        }
        out
    }

    fn foreign_key(
        &self,
        schema: &Schema,
        key: &ForeignKey,
        planned: &TablePlan,
        tables: &[TablePlan],
    ) -> Result<ForeignKeyPlan, String> {
        match key.parent_state {
            ParentState::Ok => {}
            ParentState::MissingTable => return Err(format!("there is no table `{}`", key.parent)),
            ParentState::MissingColumn => return Err(format!("`{}` has no such columns", key.parent)),
            ParentState::NotUnique => return Err(format!("the columns of `{}` are not unique", key.parent)),
        }
        let parent = tables
            .iter()
            .find(|table| table.source.eq_ignore_ascii_case(&key.parent))
            .ok_or_else(|| format!("the table `{}` does not come along", key.parent))?;
        let declared = schema.table(&key.parent);
        let (mut columns, mut parent_columns) = (Vec::new(), Vec::new());
        for (child, of_parent) in key.columns.iter().zip(&key.parent_columns) {
            let missing = |name: &str| format!("the column `{name}` does not come along");
            let child = planned.column(child).ok_or_else(|| missing(child))?;
            let target = parent.column(of_parent).ok_or_else(|| missing(of_parent))?;
            if !comparable(&child.pg_type, &target.pg_type) {
                return Err(format!(
                    "`{}` is {} and `{}` is {}",
                    child.source, child.pg_type, target.source, target.pg_type
                ));
            }
            // the parent's collation decides in SQLite, so that 'ABC' may point to 'abc'
            let nocase = declared
                .and_then(|table| table.column(of_parent))
                .and_then(|column| column.collation.as_deref())
                .filter(|_| matches!(target.pg_type, PgType::Text | PgType::Varchar(_)));
            if self.lower_index(nocase) {
                return Err(format!(
                    "`{of_parent}` is compared without regard to case, which a key in PostgreSQL does only with citext or \
                     an ICU collation"
                ));
            }
            columns.push(child.target.clone());
            parent_columns.push(target.target.clone());
        }
        if !parent.existing && !is_unique(parent, &parent_columns) {
            return Err(format!("the columns of `{}` are not unique in PostgreSQL", key.parent));
        }
        Ok(ForeignKeyPlan {
            name: String::new(),
            columns,
            parent: parent.target.clone(),
            parent_columns,
            clauses: clauses(key),
            not_valid: false,
        })
    }
}

fn shown(columns: &[KeyColumn]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether PostgreSQL has one `=` for both types that a foreign key can use.
fn comparable(child: &PgType, parent: &PgType) -> bool {
    let class = |pg_type: &PgType| match pg_type {
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Numeric(_) => 1,
        PgType::Float4 | PgType::Float8 => 2,
        PgType::Text | PgType::Varchar(_) => 3,
        _ => 0,
    };
    child == parent || (class(child) != 0 && class(child) == class(parent))
}

/// Whether a key or a full unique index is over just these columns, in any order.
fn is_unique(table: &TablePlan, columns: &[String]) -> bool {
    let same = |key: &[String]| key.len() == columns.len() && columns.iter().all(|column| key.contains(column));
    let quoted: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    table.primary_key.iter().chain(&table.uniques).any(|key| same(&key.columns))
        || table.indexes.iter().any(|index| {
            let terms: Vec<&str> = index.terms.iter().map(|term| term.trim_end_matches(" DESC")).collect();
            index.unique
                && index.predicate.is_none()
                && terms.len() == quoted.len()
                && quoted.iter().all(|column| terms.contains(&column.as_str()))
        })
}

fn clauses(key: &ForeignKey) -> String {
    let action = |when: &str, action: Action| {
        let word = match action {
            Action::NoAction => return None,
            Action::Restrict => "RESTRICT",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
            Action::Cascade => "CASCADE",
        };
        Some(format!("ON {when} {word}"))
    };
    let deferred = (key.deferral == Deferral::Deferred).then(|| "DEFERRABLE INITIALLY DEFERRED".to_owned());
    let immediate = (key.deferral == Deferral::Immediate).then(|| "DEFERRABLE".to_owned());
    let parts = [action("DELETE", key.on_delete), action("UPDATE", key.on_update), deferred, immediate];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
