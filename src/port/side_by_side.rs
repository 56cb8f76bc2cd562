//! One thing after another from a queue, by several workers at once, until the first fails.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Does `work` for each of `items` over `workers`, which each take the next item once they are done with one. The
/// results are in the items' order.
///
/// # Errors
/// The error that came first. The others end what they have in hand and take nothing more.
pub(super) fn side_by_side<W, I, R, E>(
    workers: impl IntoIterator<Item = W>,
    items: I,
    work: impl Fn(&mut W, I::Item) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    W: Send,
    I: IntoIterator<IntoIter: Send>,
    R: Send,
    E: Send,
{
    // no more items once there is a failure
    let queue = Mutex::new(Some(items.into_iter().enumerate()));
    let failure: Mutex<Option<E>> = Mutex::new(None);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for mut worker in workers {
            let (queue, failure, results, work) = (&queue, &failure, &results, &work);
            scope.spawn(move || {
                // the queue is not kept locked while the item is worked on
                let next = || lock(queue).as_mut().and_then(Iterator::next);
                while let Some((at, item)) = next() {
                    match work(&mut worker, item) {
                        Ok(result) => lock(results).push((at, result)),
                        Err(error) => {
                            // what others fail with later is its consequence, or the same
                            lock(failure).get_or_insert(error);
                            *lock(queue) = None;
                            return;
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// A worker that panicked ends the whole; what it left behind is whole for the others.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        // the first item ends only when the last has begun
        let (begun, has_begun) = channel();
        let has_begun = Mutex::new(has_begun);
        let done = side_by_side(0..2, 0..100, |_, item| {
            match item {
                0 => lock(&has_begun).recv().map_err(|_| "the others ended")?,
                99 => begun.send(()).map_err(|_| "the first ended")?,
                _ => {}
            }
            Ok::<_, &str>(item * 2)
        });
        assert_eq!(done, Ok((0..100).map(|item| item * 2).collect()));
    }

    #[test]
    fn each_worker_keeps_what_is_its_own() {
        let mut counts = [0, 0, 0];
        let done: Result<Vec<()>, ()> = side_by_side(counts.iter_mut(), 0..50, |count, _| {
            **count += 1;
            Ok(())
        });
        assert_eq!(done.map(|done| done.len()), Ok(50));
        assert_eq!(counts.iter().sum::<i32>(), 50);
    }

    /// Senders that go with the workers' threads: without any, all but this worker have ended.
    fn others_have_ended(own: &mut Option<Sender<()>>, ends: &Mutex<Receiver<()>>) {
        *own = None;
        assert!(lock(ends).recv().is_err());
    }

    #[test]
    fn the_first_error_wins() {
        let (worker, ends) = channel();
        let ends = Mutex::new(ends);
        let together = Barrier::new(2);
        let done: Result<Vec<()>, &str> = side_by_side([Some(worker.clone()), Some(worker)], [0, 1], |worker, item| {
            together.wait();
            if item == 1 {
                return Err("first");
            }
            others_have_ended(worker, &ends);
            Err("second")
        });
        assert_eq!(done, Err("first"));
    }

    #[test]
    fn after_an_error_nothing_more_is_taken() {
        let taken = AtomicUsize::new(0);
        let done: Result<Vec<()>, usize> = side_by_side([()], 0..100, |(), item| {
            taken.fetch_add(1, Ordering::Relaxed);
            if item == 3 { Err(item) } else { Ok(()) }
        });
        assert_eq!(done, Err(3));
        assert_eq!(taken.into_inner(), 4);
    }

    #[test]
    fn the_others_stop_taking() {
        let (worker, ends) = channel();
        let ends = Mutex::new(ends);
        let taken = AtomicUsize::new(0);
        let done: Result<Vec<()>, &str> = side_by_side([Some(worker.clone()), Some(worker)], 0..100, |worker, item| {
            taken.fetch_add(1, Ordering::Relaxed);
            if item == 0 {
                return Err("failed");
            }
            others_have_ended(worker, &ends);
            Ok(())
        });
        assert_eq!(done, Err("failed"));
        assert!(taken.into_inner() <= 2);
    }

    #[test]
    fn without_items_nothing_is_done() {
        let done: Result<Vec<()>, ()> = side_by_side([(), ()], [0; 0], |(), _| Err(()));
        assert_eq!(done, Ok(Vec::new()));
    }
}
