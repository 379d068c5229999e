//! Orders on their way to the runtime's thread. Whoever gives many gives them first and calls once: a call is a system call, and often a
//! change of threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::session::engine::{Errand, Token};

/// Orders that wait without a call before one is made for them: an event loop that is busy for long must not hold back what it sent.
const MOST_HELD_BACK: usize = 16;

/// What the runtime's thread is to do.
#[derive(Debug)]
pub enum Order {
    /// Send this.
    Submit(Token, Arc<Errand>),
    /// Nobody waits for that any more.
    Cancel(Token),
}

/// A queue of orders, and a call for its reader.
#[derive(Debug, Default)]
pub struct Departures {
    waiting: Mutex<Waiting>,
    call: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: Vec<Order>,
    is_closed: bool,
}

/// What the reader found.
#[derive(Debug)]
pub struct Taken {
    /// The orders, in order.
    pub orders: Vec<Order>,
    /// Were they the last?
    pub is_closed: bool,
}

impl Departures {
    /// Puts orders in; `false` after [`Departures::close`].
    pub fn push(&self, orders: impl IntoIterator<Item = Order>) -> bool {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return false;
        }
        let before = waiting.orders.len();
        waiting.orders.extend(orders);
        // Once for as many, not for each that comes while the reader is on its way.
        let is_many = before / MOST_HELD_BACK < waiting.orders.len() / MOST_HELD_BACK;
        drop(waiting);
        if is_many {
            self.call.notify_one();
        }
        true
    }

    /// Calls the reader, if there is anything for it.
    pub fn call(&self) {
        if !self.waiting().orders.is_empty() {
            self.call.notify_one();
        }
    }

    /// Takes no more orders. A second call does nothing.
    pub fn close(&self) {
        self.waiting().is_closed = true;
        self.call.notify_one();
    }

    /// All orders, after a call for them.
    pub async fn take(&self) -> Taken {
        self.call.notified().await;
        let mut waiting = self.waiting();
        Taken { orders: std::mem::take(&mut waiting.orders), is_closed: waiting.is_closed }
    }

    /// Held for one statement, and never over a system call.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::{Departures, MOST_HELD_BACK, Order};

    fn taken(departures: &Departures) -> Option<usize> {
        match std::pin::pin!(departures.take()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken.orders.len()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn orders_are_taken_together_once_they_are_called_for() {
        let departures = Departures::default();
        assert!(departures.push((0..3).map(Order::Cancel)));
        assert_eq!(taken(&departures), None);
        departures.call();
        assert_eq!(taken(&departures), Some(3));
        departures.call();
        assert_eq!(taken(&departures), None);
    }

    #[test]
    fn many_orders_do_not_wait_for_a_call() {
        let departures = Departures::default();
        assert!((0..MOST_HELD_BACK as u64).all(|token| departures.push([Order::Cancel(token)])));
        assert_eq!(taken(&departures), Some(MOST_HELD_BACK));
    }

    #[test]
    fn what_is_closed_takes_no_order_and_gives_out_those_it_has() {
        let departures = Departures::default();
        assert!(departures.push([Order::Cancel(1)]));
        departures.close();
        assert!(!departures.push([Order::Cancel(2)]));
        assert_eq!(taken(&departures), Some(1));
    }
}
