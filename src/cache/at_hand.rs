//! Whether the next step waits for a disk: for whoever takes it on an event loop.

use crate::cache::{Cache, Sending, TRUSTED_FOR};
use crate::store::Store;

impl Cache {
    /// Does planning wait for no disk, as far as the last plans tell?
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.store.is_warm()
    }

    /// Does settling wait for no disk? A promise that is still trusted is passed on, and the body not looked for.
    #[must_use]
    pub fn is_at_hand(&self, sending: &Sending) -> bool {
        let is_promised = sending.promised.as_ref().is_some_and(|(_, since)| since.elapsed() < TRUSTED_FOR);
        let stored = sending.pending.stored().filter(|_| !is_promised);
        self.store.is_at_hand(stored.map(|stored| stored.body))
    }
}
