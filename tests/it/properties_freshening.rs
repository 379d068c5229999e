//! Merging: what a 304 does to stored fields, whatever it brings.

use notmodified::exchange::freshen::{freshened, is_worth_a_write, storable_fields};
use notmodified::fields::Fields;
use notmodified::rfc::vary;
use proptest::prelude::*;

/// What describes the stored body, and its tag.
const BODYS: [&str; 5] = ["Content-Length", "Content-Encoding", "Content-Type", "Content-Range", "ETag"];

/// What belongs to one connection, or to one caller.
const NEVER: [&str; 7] =
    ["Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Upgrade", "Proxy-Authenticate", "Set-Cookie"];

const OTHERS: [&str; 10] =
    ["Vary", "Vary", "Vary", "Last-Modified", "Date", "Cache-Control", "Expires", "X-A", "X-B", "Link"];

/// Sections of fields that some rule is about, in any case.
fn fields() -> impl Strategy<Value = Fields> {
    let names = prop::sample::select([&BODYS[..], &NEVER, &OTHERS].concat());
    let values = prop::sample::select(vec!["", "1", "2", "Accept", "Cookie, accept", "*", "X-A", "close, x-b"]);
    let line = (names, values, any::<bool>()).prop_map(|(name, value, is_small)| {
        (if is_small { name.to_ascii_lowercase() } else { name.to_owned() }, value)
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.into_iter().collect())
}

fn lines<'a>(fields: &'a Fields, name: &str) -> Vec<&'a [u8]> {
    fields.get_all(name.as_bytes()).collect()
}

/// The names that a Vary has, in lower case.
fn varied(fields: &Fields) -> Vec<Vec<u8>> {
    let members = fields.get_all(b"vary").flat_map(|line| line.split(|byte| *byte == b','));
    members.map(|one| one.trim_ascii().to_ascii_lowercase()).filter(|one| !one.is_empty()).collect()
}

/// What Connection names.
fn named(fields: &Fields) -> Vec<String> {
    let members = fields.get_all(b"connection").flat_map(|line| line.split(|byte| *byte == b','));
    members.map(|one| String::from_utf8_lossy(one).trim().to_owned()).collect()
}

proptest! {
    #[test]
    fn what_is_stored_is_all_that_was_received_but_what_belongs_to_its_connection_or_caller(received in fields()) {
        let kept = storable_fields(&received);
        let named = named(&received);
        let is_left_out = |name: &[u8]| {
            let is = |one: &str| one.as_bytes().eq_ignore_ascii_case(name);
            NEVER.iter().any(|one| is(one)) || named.iter().any(|one| is(one))
        };
        let expected: Fields = received.iter().filter(|(name, _)| !is_left_out(name)).collect();
        prop_assert_eq!(&kept, &expected);
        prop_assert_eq!(storable_fields(&kept), kept);
    }

    #[test]
    fn a_304_replaces_what_it_brings_keeps_what_it_does_not_and_never_touches_what_is_the_bodys(
        received in fields(), news in fields(), is_tag_confirmed in any::<bool>(),
    ) {
        let stored = storable_fields(&received);
        let merged = freshened(&stored, &news, is_tag_confirmed);
        for name in BODYS {
            prop_assert_eq!(lines(&merged, name), lines(&stored, name));
        }
        for name in NEVER {
            prop_assert!(!merged.contains(name.as_bytes()), "{}", name);
        }
        for name in named(&news).iter().filter(|name| !name.eq_ignore_ascii_case("vary")) {
            prop_assert_eq!(lines(&merged, name), lines(&stored, name), "a field of the connection");
        }
        let brought = storable_fields(&news);
        for name in OTHERS.into_iter().filter(|name| *name != "Vary") {
            let is_taken = brought.contains(name.as_bytes()) && (is_tag_confirmed || name != "Last-Modified");
            prop_assert_eq!(lines(&merged, name), lines(if is_taken { &brought } else { &stored }, name), "{}", name);
        }
    }

    #[test]
    fn vary_only_grows_and_the_same_304_says_nothing_new(received in fields(), news in fields(), is_tag_confirmed in any::<bool>()) {
        let stored = storable_fields(&received);
        let once = freshened(&stored, &news, is_tag_confirmed);
        let (before, after, brought) = (varied(&stored), varied(&once), varied(&news));
        prop_assert!(before.iter().all(|name| after.contains(name)), "{:?} lost of {:?}", before, after);
        prop_assert!(after.iter().all(|name| before.contains(name) || brought.contains(name)));
        prop_assert!(!vary::is_star(&stored) || vary::is_star(&once));
        // The first merge can move lines of one name together; from then on it is always the same section.
        let twice = freshened(&once, &news, is_tag_confirmed);
        let again = freshened(&twice, &news, is_tag_confirmed);
        prop_assert_eq!(&again, &twice);
        prop_assert!(!is_worth_a_write(&twice, &again));
    }
}
