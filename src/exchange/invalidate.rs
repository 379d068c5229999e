//! What an unsafe request makes invalid (RFC 9111 §4.4).

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
    let keys = urls
        .iter()
        .flat_map(|url| [Method::Get, Method::Head].map(|method| Key::new(method, url.clone(), target.partition)));
    keys.map(|key| Write { key, change: Change::Invalidate }).collect()
}
