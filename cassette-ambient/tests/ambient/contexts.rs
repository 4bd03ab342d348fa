//! Tests which context applies to a thread after contexts are entered, left and ended.

use crate::{FUTURE, PAST, frozen, on_a_thread, sees, sees_real_time};
use cassette_ambient::CurrentSession::{self, Ended, Open};
use cassette_ambient::{current, current_session, outside};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

#[test]
fn a_guard_puts_back_what_was_there() {
    assert!(current().is_none());
    let outer = frozen(1, PAST).enter();
    let inner = frozen(2, FUTURE).enter();
    sees(FUTURE);
    assert_eq!(current().unwrap().session(), 2);
    drop(inner);
    sees(PAST);
    assert_eq!(current().unwrap().session(), 1);
    drop(outer);
    sees_real_time();
    assert_eq!(current_session(), CurrentSession::None);
}

#[test]
fn a_guard_puts_it_back_in_a_panic_too() {
    let panicked = std::panic::catch_unwind(|| {
        let _entered = frozen(1, PAST).enter();
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(panicked.is_err());
    sees_real_time();
}

#[test]
fn threads_belong_to_the_session_they_were_started_in() {
    let _entered = frozen(7, PAST).enter();
    assert_eq!(on_a_thread(|| on_a_thread(current_session)), Open(7));
}

#[test]
fn one_context_may_be_entered_on_many_threads() {
    let context = frozen(1, PAST);
    on_a_thread(move || {
        sees_real_time();
        let _entered = context.enter();
        sees(PAST);
    });
    sees_real_time();
}

/// A thread that may outlive its session. When it gets a message, it calls a function and sends back the result.
struct LeftOver(Sender<()>, Receiver<CurrentSession>, JoinHandle<()>);

impl LeftOver {
    fn start(mut then: impl FnMut() -> CurrentSession + Send + 'static) -> Self {
        let (ask, asked) = channel();
        let (answer, answers) = channel();
        let thread = std::thread::spawn(move || asked.iter().for_each(|()| answer.send(then()).unwrap()));
        LeftOver(ask, answers, thread)
    }

    fn ask(&self) -> CurrentSession {
        self.0.send(()).unwrap();
        self.1.recv().expect("the thread should not panic")
    }

    fn join(self) {
        drop(self.0);
        self.2.join().unwrap();
    }
}

#[test]
fn after_the_end_a_thread_sees_real_time_and_knows_that_it_ended() {
    let context = frozen(3, PAST);
    let entered = context.enter();
    let thread = LeftOver::start(|| {
        match current_session() {
            Open(_) => sees(PAST),
            _ => sees_real_time(),
        }
        current_session()
    });
    assert_eq!(thread.ask(), Open(3));
    drop(entered);
    assert_eq!(thread.ask(), Open(3), "leaving concerns the thread that leaves");
    context.release();
    assert_eq!(thread.ask(), Ended(3));
    assert_eq!(context.frozen_ns(), None);
    assert_eq!(current_session(), CurrentSession::None, "nothing ended for this thread");
    thread.join();
}

#[test]
fn a_thread_started_after_the_end_has_ended_with_its_parent() {
    let context = frozen(4, PAST);
    let entered = context.enter();
    let thread = LeftOver::start(|| on_a_thread(current_session));
    drop(entered);
    context.release();
    assert_eq!(thread.ask(), Ended(4));
    thread.join();
}

#[test]
fn a_thread_left_over_may_enter_a_new_context() {
    let context = frozen(5, PAST);
    let _ended = context.enter();
    context.release();
    let entered = frozen(6, FUTURE).enter();
    sees(FUTURE);
    assert_eq!(current_session(), Open(6));
    drop(entered);
    assert_eq!(current_session(), Ended(5));
    assert!(current().is_none());
}

#[test]
fn outside_is_real_time_for_good() {
    let _entered = frozen(1, PAST).enter();
    let thread = outside(|| {
        sees_real_time();
        assert_eq!(current_session(), CurrentSession::None);
        assert!(current().is_none());
        LeftOver::start(|| {
            sees_real_time();
            on_a_thread(sees_real_time);
            current_session()
        })
    });
    sees(PAST);
    assert_eq!(thread.ask(), CurrentSession::None);
    thread.join();
}

#[test]
fn a_thread_outside_may_enter_a_context() {
    let context = frozen(1, PAST);
    outside(|| {
        let _entered = context.enter();
        sees(PAST);
        on_a_thread(|| sees(PAST));
    });
}
