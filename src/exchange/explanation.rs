//! Outcomes and reasons in the words of a person.

use std::fmt::{self, Display, Formatter};

use crate::exchange::outcome::{Outcome, Reason};

impl Display for Outcome {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fresh => "served from the store, without asking the origin",
            Self::NotModified => "the origin said that nothing changed: the stored response, confirmed",
            Self::SameContent => "the origin sent it whole, and the content is the stored one",
            Self::Changed => "the origin sent other content than was stored",
            Self::New => "the origin sent it, and nothing was stored to compare it with",
            Self::StoppedEarly => "the origin began to send the stored content again; the rest was not read",
            Self::StaleIfError => "the origin failed, and the stored response stands in for it",
            Self::Passed => "handed through, not stored",
        })
    }
}

impl Display for Reason {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Method => "only GET and HEAD are stored",
            Self::RequestContent => "the request carried content, which no cache key speaks of",
            Self::CallersCondition => "the request carried a condition or a range of the caller's own",
            Self::NoStore => "the request or the response said no-store",
            Self::Status => "only a 200 is stored",
            Self::Incomplete => "the body did not arrive whole",
            Self::CompletenessUnknown => "the body ended with the connection, and may have been cut off",
            Self::NoValidator => "the answer to HEAD had no validator to compare",
            Self::TooLarge => "the body is larger than max_body",
            Self::Undecodable => "the content cannot be decoded as Content-Encoding says",
            Self::Unexpected304 => "the origin said 304 to a request without a condition",
            Self::Mismatched304 => "the origin said 304 for another validator than was sent",
            Self::BodyMissing => "the origin said 304, and the stored body was gone or damaged",
            Self::NotStorable => "storable= said that this is no page to keep",
            Self::OnlyIfCached => "only-if-cached was asked for, and nothing was stored that could be served",
            Self::StaleWhileRevalidate => "stale, served as its stale-while-revalidate allows, and validated meanwhile",
            Self::MinInterval => "the last answer is younger than min_interval",
            Self::RetryAfter => "the origin's Retry-After is not over",
            Self::MaxAge => "the stored response is younger than its max-age, which was made a floor",
            Self::ConditionIgnored => "the origin was given its own validator, and sent the same content all the same",
            Self::AlternatingTag => {
                "the same content comes with one of several tags, as from machines behind a balancer"
            }
            Self::ChangingValidator => "the validator is new each time, so that no 304 can come of it",
            Self::MissedChange => "the content changed and its validator did not: a 304 would have been wrong",
        })
    }
}
