//! A PostgreSQL database for a moment: on a server that is there, or on one of its own; taken away whatever happens.

#[cfg(unix)]
mod cluster;
mod database;
pub(crate) mod programs;

pub(crate) use database::Database;

use super::{DbError, SqlError};
use crate::config::PostgresTarget;
use crate::interrupt::{Interrupt, Work};

/// What a place is made for: the words of its messages.
#[derive(Debug)]
pub(crate) struct Purpose {
    /// What it is for (`rehearsal`).
    pub name: &'static str,
    /// What is done in it (`rehearse`).
    pub verb: &'static str,
    /// What a person names to say where (`target`).
    pub place: &'static str,
    /// What the database's name begins with; eight hexadecimal digits follow.
    pub prefix: &'static str,
    /// The command with a server's URL.
    pub with_url: &'static str,
    /// How to have a server of its own, where the server that was named lets no database be made.
    pub or_own_server: &'static str,
}

/// Why there is no place.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] DbError),
    /// The server refuses.
    #[error("cannot {doing}")]
    Sql {
        /// What was to be done.
        doing: String,
        /// What the server says.
        #[source]
        source: SqlError,
    },
    /// It can't be had here.
    #[error("{message}")]
    Unfit {
        /// Why not.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A stop was asked for; nothing is left.
    #[error("interrupted")]
    Interrupted,
}

impl ScratchError {
    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect(error) => error.hint(),
            Self::Unfit { hint, .. } => Some(hint.clone()),
            Self::Sql { .. } | Self::Interrupted => None,
        }
    }
}

/// A place, which is taken away when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    home: Home,
    target: PostgresTarget,
    purpose: &'static Purpose,
    // while this lives, a request to stop does not end the process before the place is taken away
    _work: Work,
}

#[derive(Debug)]
enum Home {
    Database(Database),
    #[cfg(unix)]
    Cluster(cluster::Cluster),
    Gone,
}

impl Scratch {
    /// A database that was made already, since when `work` has lived.
    pub fn of(database: Database, work: Work) -> Self {
        let (target, purpose) = (database.target().clone(), database.purpose());
        Self { home: Home::Database(database), target, purpose, _work: work }
    }

    /// Makes an empty database on the server of `target`; with what a person should know, a sentence each.
    ///
    /// # Errors
    /// [`ScratchError`] where the server can't be reached, or no database be made.
    pub fn on_server(
        target: &PostgresTarget,
        purpose: &'static Purpose,
        interrupt: &Interrupt,
    ) -> Result<(Self, Vec<String>), ScratchError> {
        let work = interrupt.work();
        let (database, mut control) = Database::place(target, purpose)?;
        let notes = database.left_behind(&mut control);
        let cancel = control.canceller();
        let running = interrupt.while_running(cancel);
        let made = database.make_empty(&mut control, None);
        drop(running);
        // from here on it is taken away
        let scratch = Self::of(database, work);
        if interrupt.is_set() { Err(ScratchError::Interrupted) } else { made.map(|()| (scratch, notes)) }
    }

    /// Starts a PostgreSQL server of its own, from the programs that are installed here: in a temporary folder, on a
    /// Unix socket alone.
    ///
    /// # Errors
    /// [`ScratchError::Unfit`] where there are no such programs, or they don't start.
    #[cfg(unix)]
    pub fn in_private_cluster(purpose: &'static Purpose, interrupt: &Interrupt) -> Result<Self, ScratchError> {
        let work = interrupt.work();
        let cluster = cluster::Cluster::start(purpose)?;
        let target = cluster.target().clone();
        Ok(Self { home: Home::Cluster(cluster), target, purpose, _work: work })
    }

    /// Starts a PostgreSQL server of its own.
    ///
    /// # Errors
    /// Always: this is done on Unix alone.
    #[cfg(not(unix))]
    pub fn in_private_cluster(purpose: &'static Purpose, _: &Interrupt) -> Result<Self, ScratchError> {
        Err(ScratchError::Unfit {
            message: format!("a server of its own for the {} can be started on Unix alone", purpose.name),
            hint: format!("give the URL of a server: the {} makes a database there, and drops it", purpose.name),
        })
    }

    /// What is worked in.
    #[must_use]
    pub fn target(&self) -> &PostgresTarget {
        &self.target
    }

    /// Takes the place away; where that fails, why, and the line that does it.
    pub fn remove(&mut self) -> Result<(), (String, String)> {
        match std::mem::replace(&mut self.home, Home::Gone) {
            Home::Database(database) => database.drop_it(),
            #[cfg(unix)]
            Home::Cluster(cluster) => cluster.remove(),
            Home::Gone => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err((why, line)) = self.remove() {
            let name = self.purpose.name;
            tracing::warn!("the {name}'s place is left behind ({why}); this takes it away: {line}");
        }
    }
}
