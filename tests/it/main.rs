//! The crate from outside: real files, real processes, real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]
#![allow(missing_docs, reason = "test names say what happens")]

mod calendar;
mod child;
mod damage;
mod early;
mod exchange;
mod fingerprint;
mod floors;
mod habits;
mod habitual_origin;
mod interval;
mod kills;
mod ladder;
mod lmdb;
mod lmdb_bounds;
mod lmdb_processes;
mod lmdb_promises;
mod origin;
mod preconditions;
mod properties_choice;
mod properties_freshening;
mod properties_ladder;
mod properties_rfc;
mod properties_sharing;
mod sample;
mod scan;
mod sharing;
mod sharing_changes;
mod sharing_oracle;
mod sharing_search;
mod sharing_steps;
mod sharing_world;
mod store_contract;
mod testimonies;
mod verdicts;
mod walks;
mod wire;
mod wishes;
