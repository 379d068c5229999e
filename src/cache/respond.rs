//! From an answer to the response with its body, once what the answer says is to be written was handed to the store.

use std::sync::Arc;

use crate::cache::{Cache, Effort};
use crate::entry::BodyRef;
use crate::entry::change::Change;
use crate::error::Result;
use crate::exchange::answer::{Answer, AnswerBody, Write};
use crate::exchange::plan::Pending;
use crate::exchange::sharing::{acknowledged_under, common_key};
use crate::response::{Response, ResponseBody};
use crate::store::body::Body;
use crate::store::{Kept, Store};

/// A response, or the name of the body that it lacks.
pub(super) enum Assembled {
    Whole(Box<Response>),
    BodyMissing(BodyRef),
}

impl Cache {
    /// The response that an answer describes, with its body, after what it says is to be written was handed to the store.
    pub(super) async fn respond(
        &self,
        pending: &Pending,
        answer: Answer,
        promised: Option<Kept>,
        effort: Effort,
    ) -> Result<Assembled> {
        let (ask, asked) = (&pending.ask, pending.planned.since_epoch());
        let body = match answer.body {
            AnswerBody::Received(bytes) => ResponseBody::Received(bytes),
            AnswerBody::Stored(reference) => match self.kept(reference, promised).await? {
                Some(kept) => ResponseBody::Kept(kept),
                None => return Ok(Assembled::BodyMissing(reference)),
            },
            AnswerBody::Part(reference, part) => match self.kept(reference, promised).await? {
                Some(kept) => ResponseBody::Part(kept, part),
                None => return Ok(Assembled::BodyMissing(reference)),
            },
        };
        self.keep(pending, answer.writes, &body).await?;
        self.counters.count(answer.outcome, answer.reason);
        self.counters.bytes_saved.add(answer.bytes_saved);
        self.counters.trackers.note(&ask.key.url, answer.spread);
        Ok(Assembled::Whole(Box::new(Response {
            url: Arc::clone(&ask.url),
            status: answer.status,
            fields: answer.fields,
            body,
            outcome: answer.outcome,
            reason: answer.reason,
            handling: answer.handling,
            is_changed: answer.is_changed,
            wire_bytes: effort.wire_bytes,
            bytes_saved: answer.bytes_saved,
            elapsed: effort.elapsed,
            acknowledgement: answer
                .acknowledgement
                .and_then(|one| Some((acknowledged_under(ask)?.clone(), one, asked))),
            limits: self.policy.limits,
        })))
    }

    /// Hands what an answer says is to be written to the store, with the body that came.
    async fn keep(&self, pending: &Pending, writes: Vec<Write>, body: &ResponseBody) -> Result<()> {
        let asked = pending.planned.since_epoch();
        for Write { key, change } in writes.into_iter().filter(|write| pending.ask.keeps(&write.key)) {
            let brought = match (change.brings(), body) {
                (Some(reference), ResponseBody::Received(bytes)) => Some(Body::new(reference, bytes.clone())),
                _ => None,
            };
            self.write(&key, change, brought, Some(asked)).await?;
        }
        Ok(())
    }

    /// The stored body, as it was promised or as it is found.
    async fn kept(&self, reference: BodyRef, promised: Option<Kept>) -> Result<Option<Kept>> {
        match promised {
            Some(kept) if kept.reference() == reference => Ok(Some(kept)),
            _ => Ok(self.tolerate(self.store.body(reference).await)?.flatten().map(Kept::Here)),
        }
    }

    /// A body that was to be served is gone or damaged: so is the variant that refers to it.
    pub(super) async fn forget_body(&self, pending: &Pending, body: BodyRef) -> Result<()> {
        if let Some(common) = common_key(&pending.ask).filter(|common| common.hash != pending.ask.key.hash) {
            self.write(common, Change::Drop(body), None, None).await?;
        }
        self.write(&pending.ask.key, Change::Drop(body), None, None).await
    }
}
