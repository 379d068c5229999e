//! Imports point downward only. The tree shows the way of a request, and stays that way because this fails otherwise.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module may use those before it.
const FLOORS: [&str; 22] = [
    "error",
    "fields",
    "digest",
    "fingerprint",
    "rfc",
    "identity",
    "key",
    "entry",
    "exchange",
    "request",
    "selection",
    "redirect",
    "counters",
    "clock",
    "process",
    "store",
    "wire",
    "lessons",
    "response",
    "cache",
    "session",
    "python",
];

/// Decisions do no I/O: up to here nothing may name what moves bytes or reads a clock.
const LAST_PURE: &str = "counters";

/// What only one module may name.
const OWNED: [(&str, &str); 5] =
    [("html5gum", "fingerprint"), ("reqwest", "wire"), ("rustls", "wire"), ("lmdb", "store"), ("pyo3", "python")];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The top-level module that a file belongs to, and its lines without comments.
fn modules() -> Vec<(String, PathBuf, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root).into_iter().filter(|path| !path.ends_with("src/lib.rs"));
    files
        .map(|path| {
            let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
            let module = Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().map(|line| line.split("//").next().unwrap().to_owned()).collect();
            (module, path, code)
        })
        .collect()
}

fn floor(module: &str) -> usize {
    FLOORS.iter().position(|one| *one == module).unwrap_or_else(|| panic!("module {module} has no floor: give it one"))
}

/// The modules that a line names as `crate::module`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.split("crate::").skip(1).map(move |rest| rest.split(|character| !is_part(character)).next().unwrap())
}

#[test]
fn imports_point_downward() {
    for (module, path, code) in modules() {
        for line in &code {
            for used in named(line).filter(|used| *used != module) {
                assert!(floor(used) < floor(&module), "{} uses {used}: {line}", path.display());
            }
        }
    }
}

#[test]
fn store_and_wire_do_not_know_each_other() {
    for (module, path, code) in modules().into_iter().filter(|(module, ..)| module == "wire") {
        assert!(!code.iter().any(|line| named(line).any(|used| used == "store")), "{module}: {}", path.display());
    }
}

#[test]
fn the_heart_does_no_io() {
    let moves_bytes = ["tokio", "std::fs", "std::net", "std::thread", "SystemTime", "Instant", "std::env"];
    for (module, path, code) in modules().into_iter().filter(|(module, ..)| floor(module) <= floor(LAST_PURE)) {
        for line in &code {
            let found = moves_bytes.iter().find(|word| line.contains(*word));
            assert!(found.is_none(), "{module}, {}: {line}", path.display());
        }
    }
}

#[test]
fn each_outside_crate_is_named_in_one_place() {
    for (module, path, code) in modules() {
        for (krate, owner) in OWNED {
            let uses =
                |line: &String| line.contains(&format!("{krate}::")) && !line.contains(&format!("{krate}::{{self}}"));
            let is_own_module = |line: &String| {
                line.contains(&format!("store::{krate}::")) || line.contains(&format!("{krate}::LmdbStore"))
            };
            let stray = code.iter().find(|line| uses(line) && !is_own_module(line) && module != owner);
            assert!(stray.is_none(), "{} names {krate}: {stray:?}", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (_, path, _) in modules() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no module doc", path.display());
    }
}
