//! What became of a request, and why: the one vocabulary of responses, logs, counters and statistics.

use std::fmt::Write;

/// Where a response came from, and what that says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Served from the store without asking.
    Fresh,
    /// The origin said 304: the stored response, freshened.
    NotModified,
    /// The origin sent it whole, and the content is the stored one.
    SameContent,
    /// The origin sent other content than was stored.
    Changed,
    /// The origin sent it, nothing was stored that it could be compared with.
    New,
    /// The origin began to send it, its header section said that the content is the stored one, and the rest was not read.
    StoppedEarly,
    /// The origin failed, and the stored response stands in for it, as the caller or the response allows.
    StaleIfError,
    /// Handed through: not stored, and the store not used. See [`Reason`].
    Passed,
}

impl Outcome {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 8] = [
        Self::Fresh,
        Self::NotModified,
        Self::SameContent,
        Self::Changed,
        Self::New,
        Self::StoppedEarly,
        Self::StaleIfError,
        Self::Passed,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::NotModified => "not-modified",
            Self::SameContent => "same-content",
            Self::Changed => "changed",
            Self::New => "new",
            Self::StoppedEarly => "stopped-early",
            Self::StaleIfError => "stale-if-error",
            Self::Passed => "passed",
        }
    }
}

/// Why a response was not stored, a request sent again or not at all, or the content sent whole though it had not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A method other than GET and HEAD.
    Method,
    /// The request carries content, which no cache key speaks of.
    RequestContent,
    /// The caller sent conditions or a range of its own: the answer is the caller's.
    CallersCondition,
    /// `no-store`, of the request or the response.
    NoStore,
    /// A status other than 200.
    Status,
    /// The body did not arrive whole.
    Incomplete,
    /// The body ended with the connection, and nothing says whether it was whole.
    CompletenessUnknown,
    /// A HEAD response without a validator: nothing in it could be compared.
    NoValidator,
    /// The body is larger than `max_body`.
    TooLarge,
    /// The content cannot be decoded as Content-Encoding says.
    Undecodable,
    /// 304 without a condition that it could answer.
    Unexpected304,
    /// 304 that names a validator other than the one that was sent.
    Mismatched304,
    /// 304, and the stored body is gone or damaged.
    BodyMissing,
    /// The caller said that this is no page to keep (`storable=`).
    NotStorable,
    /// The caller asked for a stored response or none (`only-if-cached`), and there is none.
    OnlyIfCached,
    /// Stale, and as the response allows validated behind the caller's back (RFC 5861 §3).
    StaleWhileRevalidate,
    /// Asked sooner than `min_interval` allows.
    MinInterval,
    /// Asked sooner than the origin's Retry-After.
    RetryAfter,
    /// Asked sooner than the response's `max-age`, which the caller made a floor.
    MaxAge,
    /// The origin got the validator that it gave, and sent the content that it belongs to.
    ConditionIgnored,
    /// The same content came with one of several tags, as from the machines behind a balancer.
    AlternatingTag,
    /// The validator changes each time.
    ChangingValidator,
    /// The content changed and the validator did not: a 304 would have been wrong.
    MissedChange,
}

impl Reason {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 23] = [
        Self::Method,
        Self::RequestContent,
        Self::CallersCondition,
        Self::NoStore,
        Self::Status,
        Self::Incomplete,
        Self::CompletenessUnknown,
        Self::NoValidator,
        Self::TooLarge,
        Self::Undecodable,
        Self::Unexpected304,
        Self::Mismatched304,
        Self::BodyMissing,
        Self::NotStorable,
        Self::OnlyIfCached,
        Self::StaleWhileRevalidate,
        Self::MinInterval,
        Self::RetryAfter,
        Self::MaxAge,
        Self::ConditionIgnored,
        Self::AlternatingTag,
        Self::ChangingValidator,
        Self::MissedChange,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::RequestContent => "request-content",
            Self::CallersCondition => "callers-condition",
            Self::NoStore => "no-store",
            Self::Status => "status",
            Self::Incomplete => "incomplete",
            Self::CompletenessUnknown => "completeness-unknown",
            Self::NoValidator => "no-validator",
            Self::TooLarge => "too-large",
            Self::Undecodable => "undecodable",
            Self::Unexpected304 => "unexpected-304",
            Self::Mismatched304 => "mismatched-304",
            Self::BodyMissing => "body-missing",
            Self::NotStorable => "not-storable",
            Self::OnlyIfCached => "only-if-cached",
            Self::StaleWhileRevalidate => "stale-while-revalidate",
            Self::MinInterval => "min-interval",
            Self::RetryAfter => "retry-after",
            Self::MaxAge => "max-age",
            Self::ConditionIgnored => "condition-ignored",
            Self::AlternatingTag => "alternating-tag",
            Self::ChangingValidator => "changing-validator",
            Self::MissedChange => "missed-change",
        }
    }
}

impl Reason {
    /// Is there no page in the answer at all: a 304 to a question that nobody asked?
    #[must_use]
    pub const fn is_unusable(self) -> bool {
        matches!(self, Self::Unexpected304 | Self::Mismatched304)
    }
}

/// Why a request went to the origin (RFC 9211 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// > The cache was configured to not handle this request.
    Bypass,
    /// > The request method's semantics require the request to be forwarded.
    Method,
    /// > The cache did not contain any responses that matched the request URI.
    UriMiss,
    /// > The cache contained a response that matched the request URI, but it could not select a response based upon this request's header
    /// > fields and stored Vary header fields.
    VaryMiss,
    /// > The cache was able to select a response for the request, but it was stale.
    Stale,
}

impl Forward {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
        }
    }
}

/// How a response was come by, for the Cache-Status field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// From the store.
    Hit,
    /// From the store, after the origin was asked and gave no answer.
    Unanswered {
        /// Why it was asked.
        why: Forward,
    },
    /// From nowhere: nothing fit, and nobody was to be asked.
    Unsent,
    /// From the origin.
    Forwarded {
        /// Why it was asked.
        why: Forward,
        /// What it said.
        status: u16,
        /// Was the answer stored?
        is_stored: bool,
    },
}

/// The value of Cache-Status (RFC 9211 §2) for a response.
#[must_use]
pub fn cache_status(handling: Handling, reason: Option<Reason>) -> String {
    let mut value = String::from("notmodified");
    match handling {
        Handling::Hit => value.push_str("; hit"),
        Handling::Unsent => {}
        // Writing to a String cannot fail.
        Handling::Unanswered { why } => {
            let _ = write!(value, "; fwd={}", why.as_str());
        }
        Handling::Forwarded { why, status, is_stored } => {
            let stored = if is_stored { "; stored" } else { "" };
            let _ = write!(value, "; fwd={}; fwd-status={status}{stored}", why.as_str());
        }
    }
    if let Some(reason) = reason {
        let _ = write!(value, "; detail={}", reason.as_str());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{Forward, Handling, Reason, cache_status};

    #[test]
    fn cache_status_speaks_rfc_9211() {
        let stale = Handling::Forwarded { why: Forward::Stale, status: 304, is_stored: false };
        assert_eq!(cache_status(stale, None), "notmodified; fwd=stale; fwd-status=304");
        let miss = Handling::Forwarded { why: Forward::UriMiss, status: 200, is_stored: true };
        assert_eq!(cache_status(miss, None), "notmodified; fwd=uri-miss; fwd-status=200; stored");
        let passed = Handling::Forwarded { why: Forward::Method, status: 201, is_stored: false };
        assert_eq!(
            cache_status(passed, Some(Reason::Method)),
            "notmodified; fwd=method; fwd-status=201; detail=method"
        );
        assert_eq!(cache_status(Handling::Hit, None), "notmodified; hit");
        assert_eq!(cache_status(Handling::Unanswered { why: Forward::Stale }, None), "notmodified; fwd=stale");
        assert_eq!(cache_status(Handling::Unsent, Some(Reason::OnlyIfCached)), "notmodified; detail=only-if-cached");
    }
}
