//! Who waits for what. Equal requests under way at the same time are one flight: nobody leads it, it flies while anybody waits for it, and
//! is called back when the last one leaves.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::key::Method;
use crate::session::engine::{Errand, Token};

/// Names a flight: the token of its first passenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlightId(pub Token);

/// All flights of an engine.
#[derive(Debug, Default)]
pub struct Flights {
    waiting: HashMap<Token, FlightId>,
    under_way: HashMap<FlightId, Flight>,
    open: HashMap<Arc<Errand>, FlightId>,
}

#[derive(Debug)]
struct Flight {
    errand: Arc<Errand>,
    tokens: Vec<Token>,
    task: AbortHandle,
}

/// Only what is safe to ask once for two is shared.
fn may_be_shared(errand: &Errand) -> bool {
    matches!(Method::of(&errand.request.method), Method::Get | Method::Head) && errand.request.content.is_none()
}

impl Flights {
    /// Joins a flight with the same errand, if there is one.
    pub fn join(&mut self, token: Token, errand: &Errand) -> bool {
        let Some(id) = self.open.get(errand).copied() else { return false };
        let Some(flight) = self.under_way.get_mut(&id) else { return false };
        flight.tokens.push(token);
        self.waiting.insert(token, id);
        true
    }

    /// Enters a flight of its own.
    pub fn enter(&mut self, token: Token, errand: Arc<Errand>, task: AbortHandle) {
        let id = FlightId(token);
        if may_be_shared(&errand) {
            self.open.insert(Arc::clone(&errand), id);
        }
        self.waiting.insert(token, id);
        self.under_way.insert(id, Flight { errand, tokens: vec![token], task });
    }

    /// Leaves; the last to leave gets the task, to call it back.
    pub fn leave(&mut self, token: Token) -> Option<AbortHandle> {
        let id = self.waiting.remove(&token)?;
        let flight = self.under_way.get_mut(&id)?;
        flight.tokens.retain(|waiting| *waiting != token);
        if !flight.tokens.is_empty() {
            return None;
        }
        let task = flight.task.clone();
        self.close(id);
        Some(task)
    }

    /// The flight is over: whoever waited for it.
    pub fn land(&mut self, id: FlightId) -> Vec<Token> {
        let tokens = self.close(id).map(|flight| flight.tokens).unwrap_or_default();
        for token in &tokens {
            self.waiting.remove(token);
        }
        tokens
    }

    fn close(&mut self, id: FlightId) -> Option<Flight> {
        let flight = self.under_way.remove(&id)?;
        if self.open.get(&flight.errand) == Some(&id) {
            self.open.remove(&flight.errand);
        }
        Some(flight)
    }
}
