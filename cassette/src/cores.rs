//! Shares the work on many items over the cores of the machine.
//!
//! Must not know: what the work is. The caller says how many threads the work is worth.

use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::error::{Error, Result, panic_text};

/// Applies `work` to every item and returns the results in the order of the items.
///
/// At most `threads` threads work, and no more than there are cores or items. The calling thread is one of them. Each
/// thread makes one `state` for itself, such as a buffer, and takes the next item as soon as it has finished an item.
/// So the items with the most work should come first. A panic of `work` is passed on to the caller.
///
/// # Errors
///
/// The error of the first item whose work failed. The items after it may be left out.
pub(crate) fn try_map<T: Sync, S, R: Send>(
    items: &[T],
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = || {
        let mut state = state();
        let mut done = Vec::new();
        // Threads take the items in order. So when an item fails, threads have already taken all earlier items, and
        // they finish these items. Therefore the error of the first failing item is always among the results.
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { break };
            let result = work(&mut state, item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((at, result));
        }
        done
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let others = threads.min(cores).min(items.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        // The system may refuse to start a thread. Then the other threads do its work.
        let start = |_| thread::Builder::new().name("cassette-worker".into()).spawn_scoped(scope, run).ok();
        let others: Vec<_> = (0..others).filter_map(start).collect();
        let mut done = run();
        for other in others {
            done.extend(other.join().unwrap_or_else(|payload| panic::resume_unwind(payload)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Like [`try_map`], for work at the end of a session: a panic of `work` is an error, so that the session still writes
/// its report.
///
/// # Errors
///
/// As for [`try_map`].
pub(crate) fn try_map_catching<T: Sync, S, R: Send>(
    items: &[T],
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    try_map(items, threads, state, |state, item| {
        // The panic may leave the state broken. Nothing uses it again, because the thread stops at an error.
        panic::catch_unwind(AssertUnwindSafe(|| work(state, item))).unwrap_or_else(|payload| {
            Err(Error::new(format!("a worker thread panicked: {}", panic_text(&*payload))))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        for threads in [0, 1, 8] {
            let doubled = try_map(&items, threads, || (), |(), n| Ok(n * 2)).unwrap();
            assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        }
        assert_eq!(try_map(&[(); 0], 8, || (), |(), ()| Ok(())).unwrap(), []);
    }

    #[test]
    fn a_thread_keeps_its_state() {
        let counts = try_map(
            &[(); 10],
            1,
            || 0,
            |count, ()| {
                *count += 1;
                Ok(*count)
            },
        );
        assert_eq!(counts.unwrap(), (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_is_returned() {
        let items: Vec<usize> = (0..1000).collect();
        for threads in [1, 8] {
            let odd = |(): &mut (), n: &usize| match n {
                300 | 301 | 999 => Err(Error::new(n.to_string())),
                _ => Ok(()),
            };
            assert_eq!(try_map(&items, threads, || (), odd).unwrap_err().to_string(), "300");
        }
    }

    #[test]
    #[should_panic(expected = "item 7")]
    fn a_panic_is_passed_on() {
        let _ = try_map(
            &(0..100).collect::<Vec<_>>(),
            4,
            || (),
            |(), n| match n {
                7 => panic!("item 7"),
                _ => Ok(()),
            },
        );
    }

    #[test]
    fn a_panic_can_be_an_error() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [1, 4] {
            let work = |(): &mut (), n: &usize| match n {
                7 => panic!("item {n}"),
                9 => Err(Error::new("item 9")),
                _ => Ok(()),
            };
            let error = try_map_catching(&items, threads, || (), work).unwrap_err();
            assert_eq!(error.to_string(), "a worker thread panicked: item 7");
        }
    }
}
