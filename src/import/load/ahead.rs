//! What readers have done and the writer has not taken yet: pieces of work in their order, whoever finishes first, and no
//! more of them than memory is meant to hold.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// No work is begun while so many bytes wait for the writer: about a batch of its own, so that there is something to go on
/// with while it writes.
const BYTES: usize = 8 << 20;

/// So many bytes of one piece of work may wait for the writer; whoever reads it waits then.
const OF_ONE: usize = 6 << 20;

/// The results of pieces of work, each a row of `T`.
pub(super) struct Ahead<T> {
    state: Mutex<State<T>>,
    /// There is room again, or nobody wants more.
    room: Condvar,
    /// The writer has something to take, or nothing will come.
    news: Condvar,
}

struct State<T> {
    /// Those that were begun, the next to be taken first.
    pieces: VecDeque<Piece<T>>,
    /// The number of the first of them.
    first: usize,
    bytes: usize,
    /// So many threads may still begin some.
    readers: usize,
    /// Nobody takes anything any more.
    closed: bool,
}

struct Piece<T> {
    done: VecDeque<(T, usize)>,
    bytes: usize,
    ended: bool,
}

impl<T> Ahead<T> {
    /// For so many threads, each of which holds one [`Reader`].
    pub fn new(readers: usize) -> Self {
        let state = State { pieces: VecDeque::new(), first: 0, bytes: 0, readers, closed: false };
        Self { state: Mutex::new(state), room: Condvar::new(), news: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room to begin something; false where nobody wants it.
    pub fn has_room(&self) -> bool {
        let state = self.room.wait_while(self.state(), |state| !state.closed && state.bytes >= BYTES);
        !state.unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Begins the next piece of work.
    pub fn begin(&self) -> Turn<'_, T> {
        let mut state = self.state();
        state.pieces.push_back(Piece { done: VecDeque::new(), bytes: 0, ended: false });
        Turn { ahead: self, number: state.first + state.pieces.len() - 1, is_whole: false }
    }

    /// The next result, in the order of the pieces of work; none where all were taken.
    pub fn take(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            let before = state.bytes;
            let Some(piece) = state.pieces.front_mut() else {
                if state.readers == 0 {
                    return None;
                }
                state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Some((result, bytes)) = piece.done.pop_front() {
                // they wait for a good deal of room, so that nobody is woken for each result
                let waits = piece.bytes > OF_ONE / 2 && piece.bytes - bytes <= OF_ONE / 2;
                piece.bytes -= bytes;
                state.bytes -= bytes;
                if waits || (before > BYTES / 2 && state.bytes <= BYTES / 2) {
                    self.room.notify_all();
                }
                return Some(result);
            }
            if piece.ended {
                state.pieces.pop_front();
                state.first += 1;
            } else {
                state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Nothing is wanted any more.
    pub fn close(&self) {
        self.state().closed = true;
        self.room.notify_all();
        self.news.notify_all();
    }
}

/// Closes it when the writer leaves, for whatever reason: readers that wait would do so for ever.
pub(super) struct Closing<'a, T>(pub &'a Ahead<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A thread that may begin pieces of work.
pub(super) struct Reader<'a, T>(pub &'a Ahead<T>);

impl<T> Drop for Reader<'_, T> {
    fn drop(&mut self) {
        self.0.state().readers -= 1;
        self.0.news.notify_all();
    }
}

/// A piece of work that was begun.
pub(super) struct Turn<'a, T> {
    ahead: &'a Ahead<T>,
    number: usize,
    is_whole: bool,
}

impl<T> Turn<'_, T> {
    /// Hands a result of so many bytes over; false where nobody wants it.
    pub fn put(&self, result: T, bytes: usize) -> bool {
        let full = |state: &mut State<T>| !state.closed && state.pieces[self.number - state.first].bytes >= OF_ONE;
        let state = self.ahead.room.wait_while(self.ahead.state(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        let at = self.number - state.first;
        let piece = &mut state.pieces[at];
        piece.done.push_back((result, bytes));
        piece.bytes += bytes;
        state.bytes += bytes;
        if at == 0 {
            self.ahead.news.notify_all();
        }
        true
    }

    /// All of it was handed over.
    pub fn end(mut self) {
        self.is_whole = true;
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if !self.is_whole {
            // what would follow stands after a gap
            return self.ahead.close();
        }
        let mut state = self.ahead.state();
        if !state.closed {
            let at = self.number - state.first;
            state.pieces[at].ended = true;
            self.ahead.news.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order_and_never_too_many_at_once() {
        let (ahead, next) = (Ahead::new(3), Mutex::new(0));
        let (waiting, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let taken = std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let _reader = Reader(&ahead);
                    loop {
                        let (turn, piece) = {
                            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                            if *next == 100 || !ahead.has_room() {
                                return;
                            }
                            *next += 1;
                            (ahead.begin(), *next - 1)
                        };
                        for part in 0..piece % 7 {
                            let before = waiting.fetch_add(1 << 20, Ordering::SeqCst);
                            most.fetch_max(before, Ordering::SeqCst);
                            assert!(turn.put((piece, part), 1 << 20));
                        }
                        turn.end();
                    }
                });
            }
            let _closing = Closing(&ahead);
            let mut taken = Vec::new();
            while let Some(result) = ahead.take() {
                waiting.fetch_sub(1 << 20, Ordering::SeqCst);
                taken.push(result);
            }
            taken
        });
        let expected: Vec<(usize, usize)> =
            (0..100).flat_map(|piece| (0..piece % 7).map(move |at| (piece, at))).collect();
        assert_eq!(taken, expected);
        // those that are under way end: six each here
        assert!(most.into_inner() <= BYTES + 3 * (6 << 20));
    }

    #[test]
    fn whoever_waits_is_woken_when_nobody_wants_more() {
        let ahead = Ahead::new(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _reader = Reader(&ahead);
                let turn = ahead.begin();
                let mut puts = 0;
                while turn.put((), 1 << 20) {
                    puts += 1;
                }
                assert!(puts <= 7, "{puts}");
                turn.end();
                assert!(!ahead.has_room());
            });
            let _closing = Closing(&ahead);
            assert_eq!(ahead.take(), Some(()));
        });
    }

    #[test]
    fn a_piece_that_breaks_off_is_the_end() {
        let ahead = Ahead::new(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _reader = Reader(&ahead);
                let (first, second) = (ahead.begin(), ahead.begin());
                second.put(2, 1);
                second.end();
                drop(first);
            });
            assert_eq!(ahead.take(), None);
        });
    }
}
