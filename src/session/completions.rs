//! Answers on their way to an event loop: a queue, and a socket that becomes readable when the queue stops being empty.
//!
//! One wake-up drains many. Per item a wake-up of the loop is dearer than the whole HTTP exchange, and the thread that does the exchanges
//! never touches the interpreter.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Kind, Result};

/// A queue with a doorbell.
#[derive(Debug)]
pub struct Completions<T> {
    queue: Mutex<VecDeque<T>>,
    bell: UnixStream,
    door: UnixStream,
    is_silent: AtomicBool,
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
        Ok(Self { queue: Mutex::new(VecDeque::new()), bell, door, is_silent: AtomicBool::new(false) })
    }

    /// Readable while there is something to take.
    #[must_use]
    pub fn door(&self) -> RawFd {
        self.door.as_raw_fd()
    }

    /// Puts something in. Rings only when the queue was empty.
    pub fn push(&self, item: T) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push_back(item);
        if queue.len() == 1 && !self.is_silent.load(Ordering::Relaxed) {
            // One byte in an empty socket buffer: it cannot block, and fails only when the other end is gone with us.
            let _ = (&self.bell).write(&[1]);
        }
    }

    /// Rings no more.
    pub fn silence(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// Takes at most `most`. What is left keeps the door readable.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<T> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.len().min(most);
        let taken = queue.drain(..count).collect();
        if queue.is_empty() {
            let _ = (&self.door).read(&mut [0; 8]);
        }
        taken
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
    fn the_door_is_readable_exactly_while_something_is_left() {
        let completions = Completions::new().unwrap();
        assert!(!is_readable(&completions));
        (0..5).for_each(|item| completions.push(item));
        assert!(is_readable(&completions));
        assert_eq!(completions.take(3), [0, 1, 2]);
        assert!(is_readable(&completions));
        assert_eq!(completions.take(3), [3, 4]);
        assert!(!is_readable(&completions));
    }
}
