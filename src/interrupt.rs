//! A request to stop: set by a signal or by a program, seen by whatever runs.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Canceller = Box<dyn Fn() + Send + Sync>;

/// A request to stop, shared between the one who asks and the one who works.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    works: AtomicUsize,
    canceller: Mutex<Option<Canceller>>,
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.is_set()).finish()
    }
}

impl Interrupt {
    /// Asks for a stop, and cancels the statement that runs, if one does. May be called again: a statement that was
    /// just about to begin is reached the next time.
    pub fn trigger(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        if let Some(cancel) = &*self.0.canceller.lock().unwrap_or_else(PoisonError::into_inner) {
            cancel();
        }
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Whether there is work that sees a request to stop and ends in order. Where there is none, a process may simply
    /// end.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.0.works.load(Ordering::SeqCst) > 0
    }

    /// As long as the guard lives, there is such work.
    #[must_use]
    pub(crate) fn work(&self) -> Work {
        self.0.works.fetch_add(1, Ordering::SeqCst);
        Work(self.clone())
    }

    /// Lets [`Interrupt::trigger`] call `canceller` until the guard is dropped.
    #[must_use]
    pub(crate) fn while_running(&self, canceller: Canceller) -> Running<'_> {
        *self.0.canceller.lock().unwrap_or_else(PoisonError::into_inner) = Some(canceller);
        Running(self)
    }
}

/// While this lives, a request to stop is seen to.
#[derive(Debug)]
pub(crate) struct Work(Interrupt);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.0.works.fetch_sub(1, Ordering::SeqCst);
    }
}

/// While this lives, a statement runs that may be cancelled.
pub(crate) struct Running<'a>(&'a Interrupt);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.0.canceller.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
