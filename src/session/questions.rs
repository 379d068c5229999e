//! Questions for the caller's own code, on their way to the event loop, and the way back for its answers.
//!
//! The caller's code runs on the event loop's thread like everything else of the caller's: the thread that does the exchanges never touches
//! the interpreter. A flight waits meanwhile, and the others go on.

use std::os::fd::RawFd;

use tokio::sync::oneshot;

use crate::error::{Error, Kind, Result};
use crate::exchange::verdict::{Question, Verdict};
use crate::session::completions::Completions;

/// Questions that wait for the event loop.
#[derive(Debug)]
pub struct Questions {
    asked: Completions<Asked>,
}

/// A question that somebody waits for an answer to.
#[derive(Debug)]
pub struct Asked {
    /// The question.
    pub question: Question,
    way_back: oneshot::Sender<Verdict>,
}

impl Asked {
    /// Says what the caller said. Whoever asked may be gone.
    pub fn answer(self, verdict: Verdict) {
        let _ = self.way_back.send(verdict);
    }
}

impl Questions {
    /// No questions yet.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new() -> Result<Self> {
        Ok(Self { asked: Completions::new()? })
    }

    /// Readable while there is a question.
    #[must_use]
    pub fn door(&self) -> RawFd {
        self.asked.door()
    }

    /// The next question that somebody still waits for. What is left keeps the door readable.
    #[must_use]
    pub fn next(&self) -> Option<Asked> {
        loop {
            let asked = self.asked.take(1).pop()?;
            if !asked.way_back.is_closed() {
                return Some(asked);
            }
        }
    }

    /// Rings no more.
    pub fn silence(&self) {
        self.asked.silence();
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`Kind::Closed`] when there will be none.
    pub(super) async fn ask(&self, question: Question) -> Result<Verdict> {
        let (way_back, answer) = oneshot::channel();
        self.asked.push(Asked { question, way_back });
        self.asked.ring();
        answer.await.map_err(|_| unanswered())
    }
}

/// The session ended before there was an answer.
pub(super) fn unanswered() -> Error {
    Error::new(Kind::Closed, "the session is closed; open another")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{Question, Questions, Verdict};
    use crate::fields::Fields;

    fn question(status: u16) -> Question {
        let (fields, content) = (Fields::new(), bytes::Bytes::new());
        Question { url: "http://a/".into(), status, fields, content, is_compared: true }
    }

    #[test]
    fn an_answer_finds_its_question() {
        let questions = Questions::new().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(questions.ask(question(200))), pin!(questions.ask(question(203))));
        assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
        questions.next().unwrap().answer(Verdict::NOT_STORABLE);
        assert_eq!(questions.next().unwrap().question.status, 203);
        assert!(questions.next().is_none());
        assert!(matches!(first.poll(&mut context), Poll::Ready(Ok(Verdict::NOT_STORABLE))));
        // It was taken and thrown away: there will be no answer.
        assert!(matches!(second.poll(&mut context), Poll::Ready(Err(_))));
    }

    #[test]
    fn what_nobody_waits_for_is_not_asked() {
        let questions = Questions::new().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(questions.ask(question(200))).poll(&mut context).is_pending());
        assert!(questions.next().is_none());
    }
}
