//! The fingerprint of any bytes: the same each time, and another when text is added, whatever the page ended in.

#![no_main]

use libfuzzer_sys::fuzz_target;
use notmodified::fingerprint::html;

fuzz_target!(|page: &[u8]| {
    let print = html(page);
    assert_eq!(print, html(page));
    if print.is_some() {
        assert_ne!(print, html(&[page, b" zz"].concat()), "added text is not seen");
        assert_ne!(print, html(&[b"zz", page].concat()), "text in front is not seen");
    }
});
