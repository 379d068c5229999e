//! Answers on their way to an event loop: a queue, and a socket that becomes readable when it was rung for.
//!
//! One wake-up drains many. Per item a wake-up of the loop is dearer than the whole HTTP exchange, and the thread that does the exchanges
//! never touches the interpreter. The bell is rung and the door is emptied outside of the lock: each is a system call, at which the other
//! thread often takes over, and would find the lock held.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Kind, Result};

/// A queue with a doorbell.
#[derive(Debug)]
pub struct Completions<T> {
    queue: Mutex<Queue<T>>,
    bell: UnixStream,
    door: UnixStream,
    is_silent: AtomicBool,
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<T>,
    /// Somebody was told that there is something to take.
    is_rung: bool,
}

impl<T> Completions<T> {
    /// An empty queue.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new() -> Result<Self> {
        let refuse = |error| Error::new(Kind::Store, "no socket pair for waking the event loop").with_source(error);
        let (bell, door) = UnixStream::pair().map_err(refuse)?;
        bell.set_nonblocking(true).map_err(refuse)?;
        door.set_nonblocking(true).map_err(refuse)?;
        let queue = Mutex::new(Queue { items: VecDeque::new(), is_rung: false });
        Ok(Self { queue, bell, door, is_silent: AtomicBool::new(false) })
    }

    /// Readable when there is something to take that was rung for.
    #[must_use]
    pub fn door(&self) -> RawFd {
        self.door.as_raw_fd()
    }

    /// Puts something in. Nobody is told: that is for [`Completions::ring`], once for many.
    pub fn push(&self, item: T) {
        self.queue().items.push_back(item);
    }

    /// Says that there is something, if there is and it was not said already.
    pub fn ring(&self) {
        let mut queue = self.queue();
        let is_news = !queue.items.is_empty() && !std::mem::replace(&mut queue.is_rung, true);
        drop(queue);
        if is_news {
            self.sound();
        }
    }

    /// Rings no more.
    pub fn silence(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Takes at most `most`. What is left keeps the door readable.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<T> {
        // Before the queue is looked at: what is rung for from now on is for the next time.
        let _ = (&self.door).read(&mut [0; 8]);
        let mut queue = self.queue();
        let count = queue.items.len().min(most);
        let taken = queue.items.drain(..count).collect();
        queue.is_rung = !queue.items.is_empty();
        let is_left = queue.is_rung;
        drop(queue);
        if is_left {
            self.sound();
        }
        taken
    }

    fn sound(&self) {
        if !self.is_silent.load(Ordering::Relaxed) {
            // One byte in an empty socket buffer: it cannot block, and fails only when the other end is gone with us.
            let _ = (&self.bell).write(&[1]);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Completions;

    fn is_readable<T>(completions: &Completions<T>) -> bool {
        let mut copy = completions.door.try_clone().unwrap();
        match copy.read(&mut [0; 8]) {
            Ok(count) => {
                std::io::Write::write_all(&mut &completions.bell, &[1]).unwrap();
                count > 0
            }
            Err(_) => false,
        }
    }

    #[test]
    fn the_door_is_readable_from_the_bell_until_nothing_is_left() {
        let completions = Completions::new().unwrap();
        completions.ring();
        assert!(!is_readable(&completions));
        (0..5).for_each(|item| completions.push(item));
        assert!(!is_readable(&completions));
        (0..3).for_each(|_| completions.ring());
        assert!(is_readable(&completions));
        assert_eq!(completions.take(3), [0, 1, 2]);
        assert!(is_readable(&completions));
        assert_eq!(completions.take(3), [3, 4]);
        assert!(!is_readable(&completions));
    }
}
