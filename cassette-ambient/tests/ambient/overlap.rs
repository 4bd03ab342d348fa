//! Runs two sessions with different frozen times, and a thread with the real time, in one process at the same time.
//! They are three threads of one test, so that they run in the same process even if the runner starts a process for
//! each test.

use crate::{FUTURE, PAST, frozen, on_a_thread, sees, sees_real_time};
use cassette_ambient::Context;
use rayon::prelude::*;
use std::sync::{Arc, Barrier};
use std::time::Duration;

#[test]
fn three_tests_at_once_see_their_own_time_in_all_they_start() {
    let all = Arc::new(Barrier::new(3));
    let test = |context: Option<Context>, check: fn()| {
        let all = all.clone();
        std::thread::spawn(move || {
            let _entered = context.map(Context::enter);
            // A thread that fails must not panic before the last barrier, because the other threads wait for it at each
            // barrier.
            let results = [threads, tokio_runtime, tokio_on_one_thread, rayon_pool].map(|start| {
                all.wait();
                std::panic::catch_unwind(|| {
                    check();
                    start(check);
                })
            });
            assert!(results.iter().all(Result::is_ok));
        })
    };
    let tests = [
        test(Some(frozen(1, PAST)), || sees(PAST)),
        test(Some(frozen(2, FUTURE)), || sees(FUTURE)),
        test(None, sees_real_time),
    ];
    let results = tests.map(|t| t.join());
    assert!(results.iter().all(Result::is_ok));
    sees_real_time();
}

fn threads(check: fn()) {
    on_a_thread(check);
    on_a_thread(move || on_a_thread(move || on_a_thread(check)));
    std::thread::Builder::new().name("named".into()).spawn(check).unwrap().join().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(check);
        }
    });
}

fn tokio_runtime(check: fn()) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_time().build().unwrap();
    runtime.block_on(async move {
        let tasks = (0..50).map(|_| {
            tokio::spawn(async move {
                check();
                tokio::time::sleep(Duration::from_millis(1)).await;
                check();
                tokio::task::block_in_place(check);
                tokio::task::spawn_blocking(check).await.unwrap();
                tokio::task::spawn_blocking(move || on_a_thread(check)).await.unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

fn tokio_on_one_thread(check: fn()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async move {
        tokio::spawn(async move { check() }).await.unwrap();
        tokio::task::spawn_blocking(check).await.unwrap();
    });
}

fn rayon_pool(check: fn()) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.broadcast(|_| check());
    pool.install(|| (0..200).into_par_iter().for_each(|_| check()));
}
