//! What an unsafe request makes invalid (RFC 9111 §4.4).

use std::sync::Arc;

use crate::entry::change::Change;
use crate::exchange::answer::Write;
use crate::exchange::plan::{Pending, Treatment};
use crate::exchange::settle::Reply;
use crate::key::{Key, Method};

/// > A cache MUST invalidate the target URI when it receives a non-error status code in response to an unsafe request method
/// > (RFC 9111 §4.4),
///
/// and may invalidate what Location and Content-Location name on the same origin. Other partitions are left alone: that one identity
/// changed something is nothing that the others' requests should show.
pub(super) fn invalidations(pending: &Pending, reply: &Reply) -> Vec<Write> {
    if pending.treatment != Treatment::Unsafe || !(200..400).contains(&reply.status) {
        return Vec::new();
    }
    let target = &pending.ask.key;
    let mut urls = vec![target.url.clone()];
    if let Ok(base) = url::Url::parse(&target.url) {
        for name in [&b"location"[..], b"content-location"] {
            let named = reply.fields.get(name).and_then(|value| base.join(std::str::from_utf8(value).ok()?).ok());
            urls.extend(named.filter(|url| url.origin() == base.origin()).map(|mut url| {
                url.set_fragment(None);
                url.as_str().into()
            }));
        }
    }
    urls.dedup();
    // What exits share is validated as well, whoever changed it.
    let common =
        pending.ask.common.as_ref().map(|common| common.partition).filter(|common| *common != target.partition);
    let partitions = || std::iter::once(target.partition).chain(common);
    let of = |url: &Arc<str>| {
        let url = Arc::clone(url);
        let under = move |partition| {
            let url = Arc::clone(&url);
            [Method::Get, Method::Head].map(move |method| Key::new(method, Arc::clone(&url), partition))
        };
        partitions().flat_map(under)
    };
    urls.iter().flat_map(of).map(|key| Write { key, change: Change::Invalidate }).collect()
}
