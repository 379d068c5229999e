//! The fingerprint of HTML: noise does not change it, anything else does, and nothing breaks it.

use std::fmt::Write as _;

use notmodified::clock::Stopwatch;
use notmodified::digest::Digest;
use notmodified::fingerprint::{given, html};
use proptest::prelude::*;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en" data-rendered-at="1700000000">
<head>
<!-- served by web3 in 12 ms -->
<meta charset="utf-8"><title>Shoes &amp; more</title>
<meta name="csrf-token" content="Kf8a0Zl2mQ9xTg==">
<meta name="csp-nonce" content="r4nd0m">
<meta name="request-id" content="8A1C:3F0A:12ABCD:99F1:65A0">
<meta http-equiv="Content-Security-Policy" content="script-src 'nonce-r4nd0m'">
<meta name="description" content="All shoes">
<meta name="timestamp" content="1700000000">
<link rel="stylesheet" href="/app.css?v=111"><link rel=preload as=script href=/app.js?v=111>
<link rel="canonical" href="https://shop.example/shoes">
<script nonce="r4nd0m" src="/app.js?v=111"></script>
<style nonce="r4nd0m">p { color: red }</style>
<script type="application/ld+json">{"@type": "Product", "price": "10.00"}</script>
</head>
<body data-server-time="1700000000">
<form action="/search?csrf_token=Kf8a0Zl2mQ9xTg" data-csrf="Kf8a0Zl2mQ9xTg">
<input type="hidden" name="authenticity_token" value="Kf8a0Zl2mQ9xTg==">
<INPUT TYPE=HIDDEN NAME=__VIEWSTATE VALUE=dDwtMTM>
<input name="q" value="shoes"><input name="_csrf" value="Kf8a0Zl2mQ9x" style="display:none">
<button name="go" value="now">Go</button>
</form>
<div class="price" data-price="10.00" data-request-id="17" data-trace-id="4bf92f3577b34da6a3ce929d0e0e4736">10,00 €</div>
<a href="/shoes/1?page=2&amp;_wpnonce=8a7b6c5d4e" title="red shoes">Red</a> <a href="/b;jsessionid=1A530637289A03B07199A44E8D531427">Blue</a>
<img src="/red.jpg?v=1" alt="a red shoe">
<pre>if x:
    run()</pre>
<textarea>to be
  or not</textarea>
<noscript><p>no script</p></noscript>
<svg><text><![CDATA[ drawn text ]]></text></svg>
<time datetime="2026-01-01" data-timestamp="1767225600">New Year</time>
<script>window.state = {"csrf": "Kf8a0Zl2mQ9xTg", "now": 1700000000}; if (a < b && "<!--") {}</script>
</body>
</html>
"#;

fn print(page: &str) -> Digest {
    html(page.as_bytes()).unwrap_or_else(|| panic!("no fingerprint: {page}"))
}

fn with(before: &str, after: &str) -> String {
    assert!(PAGE.contains(before), "not in the page: {before}");
    PAGE.replacen(before, after, 1)
}

#[test]
fn noise_does_not_change_the_fingerprint() {
    let noise = [
        ("web3 in 12 ms", "web4 in 9 ms"),
        ("<!-- served by web3 in 12 ms -->", ""),
        ("data-rendered-at=\"1700000000\"", "data-rendered-at=\"1700000009\""),
        ("name=\"csrf-token\" content=\"Kf8a0Zl2mQ9xTg==\"", "name=\"csrf-token\" content=\"another\""),
        ("content=\"r4nd0m\"", "content=\"0th3r\""),
        ("8A1C:3F0A:12ABCD:99F1:65A0", "17"),
        ("'nonce-r4nd0m'", "'nonce-0th3r'"),
        ("name=\"timestamp\" content=\"1700000000\"", "name=\"timestamp\" content=\"1700000009\""),
        ("/app.css?v=111", "/app.css?v=112"),
        ("href=/app.js?v=111", "href=/app.js?v=112"),
        ("src=\"/app.js?v=111\"", "src=\"/app.js?v=112\""),
        ("<script nonce=\"r4nd0m\"", "<script nonce=\"0th3r\""),
        ("<style nonce=\"r4nd0m\">p { color: red }", "<style nonce=\"0th3r\">p { color: blue }"),
        ("data-server-time=\"1700000000\"", "data-server-time=\"1700000009\""),
        ("/search?csrf_token=Kf8a0Zl2mQ9xTg", "/search?csrf_token=another"),
        ("data-csrf=\"Kf8a0Zl2mQ9xTg\"", "data-csrf=\"another\""),
        ("name=\"authenticity_token\" value=\"Kf8a0Zl2mQ9xTg==\"", "name=\"authenticity_token\" value=\"another\""),
        ("VALUE=dDwtMTM", "VALUE=another"),
        ("name=\"_csrf\" value=\"Kf8a0Zl2mQ9x\"", "name=\"_csrf\" value=\"another\""),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b74bf92f3577b34da6"),
        ("_wpnonce=8a7b6c5d4e", "_wpnonce=1a2b3c4d5e"),
        ("1A530637289A03B07199A44E8D531427", "0000637289A03B07199A44E8D5314271"),
        ("\"csrf\": \"Kf8a0Zl2mQ9xTg\", \"now\": 1700000000", "\"csrf\": \"another\", \"now\": 1700000009"),
        ("</form>\n<div", "</form>\n\n\t  <div"),
        ("<p>no script</p>", "<P>no script</P>"),
    ];
    for (before, after) in noise {
        assert_eq!(print(&with(before, after)), print(PAGE), "{before} → {after}");
    }
}

#[test]
fn what_is_read_changes_the_fingerprint() {
    let changes = [
        ("10,00 €", "11,00 €"),
        ("Shoes &amp; more", "Shoes &amp; less"),
        ("data-price=\"10.00\"", "data-price=\"11.00\""),
        ("\"price\": \"10.00\"", "\"price\": \"11.00\""),
        ("data-request-id=\"17\"", "data-request-id=\"18\""),
        ("class=\"price\"", "class=\"price sale\""),
        ("content=\"All shoes\"", "content=\"No shoes\""),
        ("https://shop.example/shoes", "https://shop.example/boots"),
        ("/shoes/1?page=2", "/shoes/1?page=3"),
        ("/search?", "/find?"),
        ("title=\"red shoes\"", "title=\"shoes\""),
        ("/red.jpg?v=1", "/red.jpg?v=2"),
        ("a red shoe", "a shoe"),
        ("    run()", "  run()"),
        ("to be\n  or not", "to be or not"),
        ("name=\"q\" value=\"shoes\"", "name=\"q\" value=\"boots\""),
        ("name=\"go\" value=\"now\"", "name=\"go\" value=\"later\""),
        ("<p>no script</p>", "<p>no scripts</p>"),
        ("drawn text", "drawn word"),
        ("datetime=\"2026-01-01\"", "datetime=\"2026-01-02\""),
        ("data-timestamp=\"1767225600\"", "data-timestamp=\"1767225601\""),
        ("</a> <a", "</a><a"),
        ("</form>", ""),
        ("lang=\"en\"", "lang=\"de\""),
        ("<!DOCTYPE html>", ""),
    ];
    let mut seen = vec![print(PAGE)];
    for (before, after) in changes {
        let other = print(&with(before, after));
        assert!(!seen.contains(&other), "{before} → {after}");
        seen.push(other);
    }
}

/// No pair of these reads the same: each differs by what stands where, and in some only by where a text ends.
const UNLIKE: [&str; 43] = [
    "",
    "a b",
    "ab",
    "a<b>b</b>",
    "a<b> b</b>",
    "<b>ab</b>",
    "<b>a</b>b",
    "<p title=ab>",
    "<p title=a b>",
    "<p title='a b'>",
    "<p title='' a b>",
    "<p a=title>",
    "&lt;p a=title&gt;",
    "<pa>",
    "<script type=text/template>a b</script>",
    "<script type=text/template>a  b</script>",
    "<![CDATA[a b",
    "<![CDATA[a b>]]>",
    "a b]]>",
    "<title>a b",
    "<title><b>a</b></title>",
    "<svg><style/>a b</svg>",
    "<script src=x />a b</script>",
    "<svg><style/>a c</svg>",
    "<input type=text value=1>",
    "<input value=1>",
    "<input type=text value=2>",
    "<input name=token value=A1B2C3D4E5F6G7H8>",
    "<input name=token value=A1B2C3D4E5F6G7H9>",
    "<a href='/?sid=1'>",
    "<a href='/?sid=2'>",
    "<a href='/?token=AAAAAAAAAAAAAAAAAAAAAAAA1'>",
    "<a href='/?token=AAAAAAAAAAAAAAAAAAAAAAAA2'>",
    "<a href='/?nonce=2&b'>",
    "<a href='/?nonce=2&c'>",
    "<meta name=author content=me>",
    "<meta name=author content=you>",
    "<div data-token=BTC>",
    "<div data-token=ETH>",
    "<div data-token=Ethereum>",
    "<div data-token=20261231>",
    "<div data-merge-request-id=1234567>",
    "<div data-merge-request-id=1234568>",
];

#[test]
fn pages_that_read_otherwise_differ() {
    let mut seen: Vec<(Option<Digest>, &str)> = Vec::new();
    for page in UNLIKE {
        let print = html(page.as_bytes());
        let same = seen.iter().find(|(one, _)| print.is_some() && *one == print);
        assert!(same.is_none(), "{page} reads as {same:?}");
        seen.push((print, page));
    }
}

#[test]
fn bytes_of_any_encoding_count() {
    assert_ne!(html(b"caf\xe9"), html(b"caf\xe8"));
    assert_ne!(html(b"\x82\xa0"), html(b"\x82\xa2"));
    assert_eq!(html(b"\xe9 <script>1</script>"), html(b"\xe9 <script>2</script>"));
}

#[test]
fn what_cannot_be_read_with_certainty_has_no_fingerprint() {
    let utf16: Vec<u8> = "<p>text</p>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let pages: [&[u8]; 12] = [
        &utf16,
        b"\x1b$B<h\x1b(B",
        b"text <!-- comment > that hides the rest",
        b"text <!-- comment > that hides <b>the</b> rest >",
        b"<script>a()",
        b"<style>p {}",
        b"text <a href=\"x>that hides the rest",
        b"text <a ",
        b"text </a",
        b"text <?php that hides the rest",
        b"text </ that hides the rest",
        b"<!doctype html that hides the rest",
    ];
    for page in pages {
        assert_eq!(html(page), None, "{}", String::from_utf8_lossy(page));
    }
}

#[test]
fn a_script_that_closes_itself_leaves_out_nothing() {
    let page = |text| format!("<svg><script href=x /><text>{text}</text></svg><p>1</p><script>2</script>");
    assert_ne!(html(page("one").as_bytes()), html(page("two").as_bytes()));
}

#[test]
fn a_print_that_was_given_is_none_of_html() {
    assert_ne!(Some(given(b"")), html(b""));
    assert_ne!(given(b"1"), given(b"2"));
}

const HOSTILE: [&str; 38] = [
    "<div>",
    "</div>",
    "<!--",
    "<!-- -",
    "--!",
    "<script>",
    "<script><!--<script>",
    "</script",
    "<a ",
    "<meta content ",
    "<meta name=a content=b ",
    "a=b ",
    "content=b ",
    "&",
    "&amp",
    "&notit",
    "&#x",
    "&#9999999",
    "<![CDATA[",
    "<!doctype ",
    "<!doctype a public '",
    "<pre>",
    "</pre>",
    "<textarea>",
    "</textarea",
    "<svg><style/>",
    "<",
    "</",
    "<!",
    "<?",
    "\r",
    "\"'",
    "<input type=",
    "<a href='?a=b&",
    "?=&",
    "csrf",
    "<plaintext>",
    "]]>",
];

/// Twice as much of anything takes about twice as long: what took the square of it would take minutes here.
#[test]
fn hostile_pages_take_linear_time() {
    const LENGTH: usize = 256 * 1024;
    let starts = ["", "<script>", "<!--", "<a ", "<meta ", "<a href='", "<textarea>", "<![CDATA["];
    let repeated = HOSTILE
        .iter()
        .flat_map(|part| starts.iter().map(move |start| [start, part.repeat(LENGTH / part.len()).as_str()].concat()));
    let names: String = (0..LENGTH / 2).fold("<meta ".into(), |mut tag, index| {
        let _ = write!(tag, "a{index}=1 content=2 ");
        tag
    });
    for page in repeated.chain([names + ">"]) {
        let started = Stopwatch::start();
        let _ = html(page.as_bytes());
        let start: String = page.chars().take(40).collect();
        assert!(started.elapsed().as_secs() < 20, "{start}…: {:?}", started.elapsed());
    }
}

/// Noise that may stand between any two pieces of text.
fn noise() -> impl Strategy<Value = String> {
    let token = "[a-zA-Z0-9]{24}0";
    prop_oneof![
        token.prop_map(|token| format!("<!-- {token} -->")),
        token.prop_map(|token| format!("<script nonce={token}>let a = '{token}';</script>")),
        token.prop_map(|token| format!("<style>.{token} {{}}</style>")),
        token.prop_map(|token| format!("<input type=hidden name=t value={token}>")),
        token.prop_map(|token| format!("<link rel=stylesheet href=/{token}.css>")),
    ]
}

fn text() -> impl Strategy<Value = String> {
    "[a-z0-9\u{e9}\u{20ac}.,]{1,12}"
}

proptest! {
    #[test]
    fn any_bytes_are_read(page in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(html(&page), html(&page));
    }

    #[test]
    fn any_markup_is_read(page in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)) {
        let page = page.concat();
        let print = html(page.as_bytes());
        // Text that is added to a page whose reading is certain is always seen, whatever the page ends in.
        let more = html((page.clone() + " zz").as_bytes());
        prop_assert!(print.is_none() || print != more, "{}", page);
    }

    #[test]
    fn other_noise_is_the_same_page(
        texts in prop::collection::vec(text(), 1..6),
        one in prop::collection::vec(noise(), 6),
        other in prop::collection::vec(noise(), 6),
    ) {
        let page = |noise: &[String]| -> String {
            texts.iter().zip(noise).map(|(text, noise)| format!("<p>{text}</p>\n{noise}\n")).collect::<Vec<_>>().concat()
        };
        prop_assert_eq!(print(&page(&one)), print(&page(&other)));
    }

    #[test]
    fn other_text_is_another_page(
        texts in prop::collection::vec((text(), noise()), 1..6),
        place in any::<prop::sample::Index>(),
        other in text(),
    ) {
        let page = |texts: &[(String, String)]| -> String {
            texts.iter().map(|(text, noise)| format!("<p>{text}</p>{noise}")).collect::<Vec<_>>().concat()
        };
        let mut changed = texts.clone();
        let index = place.index(texts.len());
        prop_assume!(changed[index].0 != other);
        changed[index].0 = other;
        prop_assert_ne!(print(&page(&texts)), print(&page(&changed)));
    }
}

const PIECES: [&str; 38] = [
    "<",
    ">",
    "/",
    "!",
    "-",
    "--",
    "<!--",
    "-->",
    "--!>",
    "<!",
    "<?",
    "</",
    "&",
    "&amp;",
    "&am",
    "&#x41;",
    ";",
    "\"",
    "'",
    "=",
    " ",
    "a",
    "<a ",
    "href",
    "<script",
    "</script>",
    "<style>",
    "</style>",
    "<pre>",
    "<title>",
    "</title>",
    "<![CDATA[",
    "]]>",
    "<!doctype ",
    "<meta name=token content=",
    "<plaintext>",
    "<input type=hidden",
    "\r\n",
];
