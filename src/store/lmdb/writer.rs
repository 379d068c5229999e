//! The one thread of a process that writes to a store. It takes what has gathered while it committed, and commits that
//! together: one sync to the disk for a whole group.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::entry::change::Change;
use crate::error::{Error, Kind, Result};
use crate::store::body::Body;
use crate::store::lmdb::environment::Environment;
use crate::store::lmdb::pending::{Group, Pending, Write};
use crate::store::lmdb::registry::Shared;
use crate::store::lmdb::transaction;

/// Starts the writer. It ends when [`Pending::close`] was called and everything accepted is written.
pub fn start(shared: &Arc<Shared>) -> Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    Builder::new().name("notmodified-store".into()).spawn(move || run(&shared.environment, &shared.pending)).map_err(
        |error| {
            Error::new(
                Kind::Store,
                "no thread for the writer of the store; let this process have more threads (ulimit -u)",
            )
            .with_source(error)
        },
    )
}

/// Whatever ends the writer, nobody waits for it afterwards.
struct End<'a>(&'a Pending);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn run(environment: &Environment, pending: &Pending) {
    let _end = End(pending);
    while let Some(mut group) = pending.next_group() {
        let outcome = commit(environment, &mut group);
        pending.settle(group, outcome);
    }
    if !environment.is_synced_by_commit() {
        // There is nobody left to tell.
        drop(environment.sync());
    }
}

fn commit(environment: &Environment, group: &mut Group) -> Result<()> {
    if !group.writes.is_empty() {
        pack(environment, &mut group.writes)?;
        environment.write(|transaction, databases| {
            group.writes.iter().try_for_each(|write| transaction::apply(transaction, databases, write))
        })?;
    }
    if group.is_awaited() && !environment.is_synced_by_commit() {
        environment.sync()?;
    }
    Ok(())
}

/// Packs the bodies that are not there yet. Before the transaction: while that is open, no other process can write.
fn pack(environment: &Environment, writes: &mut [Write]) -> Result<()> {
    let is_new = environment.read(|transaction, databases| {
        let is_new = |write: &Write| match &write.body {
            Some(body) => {
                transaction::is_present(transaction, databases, body.reference()).map(|is_present| !is_present)
            }
            None => Ok(false),
        };
        writes.iter().map(is_new).collect::<lmdb::Result<Vec<bool>>>()
    })?;
    for (write, _) in writes.iter_mut().zip(is_new).filter(|(_, is_new)| *is_new) {
        let is_coded = is_coded(&write.change);
        write.body = write.body.take().map(|body: Body| body.packed(is_coded));
    }
    Ok(())
}

fn is_coded(change: &Change) -> bool {
    match change {
        Change::Store(response) => response.fields.contains(b"content-encoding"),
        Change::Freshen(_) | Change::Invalidate | Change::Acknowledge(_) | Change::Drop(_) => false,
    }
}
