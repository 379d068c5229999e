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
    /// On which flight those are who joined one. Whoever entered his own has its number.
    joined: HashMap<Token, FlightId>,
    under_way: HashMap<FlightId, Flight>,
    open: HashMap<Arc<Errand>, FlightId>,
}

#[derive(Debug)]
struct Flight {
    errand: Arc<Errand>,
    tokens: Vec<Token>,
    /// There as soon as the task is.
    task: Option<AbortHandle>,
}

/// Only what is safe to ask once for two is shared.
fn may_be_shared(errand: &Errand) -> bool {
    matches!(Method::of(&errand.request.method), Method::Get | Method::Head) && errand.request.content.is_none()
}

impl Flights {
    /// Joins a flight with the same errand: `true`. Where there is none, enters one of its own, whose task is still to be started.
    ///
    /// Whoever is known by this one request flies alone: what came for one of them is not the other's.
    pub fn join_or_enter(&mut self, token: Token, errand: &Arc<Errand>, is_alone: bool) -> bool {
        let open = self.open.get(errand).filter(|_| !is_alone);
        if let Some(id) = open
            && let Some(flight) = self.under_way.get_mut(id)
        {
            flight.tokens.push(token);
            self.joined.insert(token, *id);
            return true;
        }
        let id = FlightId(token);
        if !is_alone && may_be_shared(errand) {
            self.open.insert(Arc::clone(errand), id);
        }
        self.under_way.insert(id, Flight { errand: Arc::clone(errand), tokens: vec![token], task: None });
        false
    }

    /// The task of a flight that was entered.
    pub fn start(&mut self, id: FlightId, task: AbortHandle) {
        if let Some(flight) = self.under_way.get_mut(&id) {
            flight.task = Some(task);
        }
    }

    /// Leaves; the last to leave gets the task, to call it back.
    pub fn leave(&mut self, token: Token) -> Option<AbortHandle> {
        let id = self.joined.remove(&token).unwrap_or(FlightId(token));
        let flight = self.under_way.get_mut(&id)?;
        flight.tokens.retain(|waiting| *waiting != token);
        if !flight.tokens.is_empty() {
            return None;
        }
        self.close(id)?.task
    }

    /// The flight is over: whoever waited for it.
    pub fn land(&mut self, id: FlightId) -> Vec<Token> {
        let tokens = self.close(id).map(|flight| flight.tokens).unwrap_or_default();
        for token in tokens.iter().filter(|token| **token != id.0) {
            self.joined.remove(token);
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
