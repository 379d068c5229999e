//! The one thread of a process that writes to a store. It takes what has gathered while it committed, and commits that
//! together: one sync to the disk for a whole group.

use std::sync::{Arc, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use lmdb::RwTransaction;

use crate::clock;
use crate::entry::forgotten::{Scope, Tombstones};
use crate::error::{Error, Kind, Result};
use crate::store::lmdb::databases::{self, Databases};
use crate::store::lmdb::pending::{Group, Pending, Write};
use crate::store::lmdb::shared::Shared;
use crate::store::lmdb::transaction;
use crate::store::lmdb::upkeep::{self, Due, Limits};

/// Starts the writer. It ends when [`Pending::close`] was called and everything accepted is written.
pub fn start(shared: &Arc<Shared>, limits: Limits) -> Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    Builder::new().name("notmodified-store".into()).spawn(move || run(&shared, limits)).map_err(|error| {
        Error::new(Kind::Store, "no thread for the writer of the store; let this process have more threads (ulimit -u)")
            .with_source(error)
    })
}

/// Whatever ends the writer, nobody waits for it afterwards.
struct End<'a>(&'a Pending);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A map that may not grow and has no room is tried so often, with twice as much forgotten each time.
const ROUNDS_OF_MAKING_ROOM: usize = 12;

/// How long a reader may be at what was forgotten, and in which steps that is waited for; milliseconds.
const READERS_TAKE: [u64; 5] = [1, 4, 16, 64, 128];

/// The least that is forgotten, bytes.
const SMALLEST_ROOM: u64 = 128 << 10;

/// A dead reader keeps what so many groups freed from being used again, and no more.
const GROUPS_BETWEEN_CHECKS: u64 = 32;

fn run(shared: &Shared, limits: Limits) {
    let Shared { environment, pending, .. } = shared;
    let _end = End(pending);
    let mut patience = Duration::ZERO;
    let mut groups: u64 = 0;
    while let Some(group) = pending.next_group(patience) {
        if groups.is_multiple_of(GROUPS_BETWEEN_CHECKS) {
            // A slot that cannot be given up costs space, and nothing else.
            drop(environment.clear_dead_readers());
        }
        groups += 1;
        let is_upkeep = group.is_empty();
        let outcome = commit(shared, &group, limits);
        patience = if matches!(outcome, Ok(true)) { Duration::ZERO } else { limits.interval() };
        if !is_upkeep {
            pending.settle(group, outcome.map(|_| ()));
        }
    }
    if !environment.is_synced_by_commit() {
        // There is nobody left to tell.
        drop(environment.sync());
    }
}

/// Writes a group and does a step of upkeep. `true`: there is more of that to do.
fn commit(shared: &Shared, group: &Group, limits: Limits) -> Result<bool> {
    let Shared { environment, promises, .. } = shared;
    let _writing = shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
    let now = clock::now();
    let due = limits.due(now, |enough| environment.used(enough))?;
    let is_due = || environment.read(|transaction, databases| upkeep::is_any(transaction, databases, due));
    let mut is_more = false;
    if !group.writes.is_empty() || is_due()? {
        let work = |transaction: &mut RwTransaction<'_>, databases| {
            let tombstones = shared.refusals.against(transaction, databases, group)?;
            for write in group.writes.iter().filter(|write| !is_refused(write, tombstones.as_ref(), shared)) {
                transaction::apply(transaction, databases, promises, write, now)?;
            }
            upkeep::step(transaction, databases, promises, due)
        };
        is_more = with_room(shared, now, group.bytes(), work)?;
        group.bodies().for_each(|body| promises.saw(body));
    }
    if group.is_awaited() && !environment.is_synced_by_commit() {
        environment.sync()?;
    }
    Ok(is_more)
}

/// Was it asked for before it was forgotten?
fn is_refused(write: &Write, tombstones: Option<&Tombstones>, shared: &Shared) -> bool {
    let Some((tombstones, asked)) = tombstones.zip(write.asked) else { return false };
    tombstones.refuse(&write.key, &write.change, asked, &shared.secret)
}

/// Notes what is forgotten, in a transaction of its own: for whoever writes next, in this process or another.
pub fn entomb(shared: &Shared, scopes: &[Scope], at: u64) -> Result<()> {
    let _writing = shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
    let note = |transaction: &mut RwTransaction<'_>, databases| databases::entomb(transaction, databases, scopes, at);
    shared.refusals.know(with_room(shared, clock::now(), 0, note)?);
    Ok(())
}

/// Writes, and where there is no room for `bytes`, forgets what was used longest ago first.
fn with_room<T>(
    shared: &Shared,
    now: u64,
    bytes: u64,
    work: impl Fn(&mut RwTransaction<'_>, Databases) -> lmdb::Result<T>,
) -> Result<T> {
    let environment = &shared.environment;
    let mut written = environment.write(&work)?;
    let mut excess = 2 * bytes.max(SMALLEST_ROOM);
    for _ in 0..ROUNDS_OF_MAKING_ROOM {
        if written.is_some() {
            break;
        }
        make_room(shared, Due::at_once(now, excess))?;
        excess *= 2;
        written = patiently(|| environment.write(&work))?;
    }
    written.ok_or_else(|| environment.full())
}

/// Forgets what was used longest ago until so much is free; it may be in pieces. In three transactions, for LMDB uses again what became free in
/// the last but one.
fn make_room(shared: &Shared, due: Due) -> Result<()> {
    let Shared { environment, promises, .. } = shared;
    let room = |transaction: &mut RwTransaction<'_>, databases| upkeep::step(transaction, databases, promises, due);
    if patiently(|| environment.write(room))?.is_none() {
        // Not even room to forget in.
        environment.grow_a_little()?;
        environment.write(room)?;
    }
    for _ in 0..2 {
        environment.write(databases::touch)?;
    }
    Ok(())
}

/// Tries again for a while where there is no room: what was forgotten is not free as long as a reader, in this process or another, is at it.
fn patiently<T>(write: impl Fn() -> Result<Option<T>>) -> Result<Option<T>> {
    for pause in READERS_TAKE {
        if let Some(written) = write()? {
            return Ok(Some(written));
        }
        thread::sleep(Duration::from_millis(pause));
    }
    write()
}
