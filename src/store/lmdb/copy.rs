//! What a store holds, in a new file: entry by entry.
//!
//! LMDB's own copy takes pages over as they are. Their ends hold whatever was in the buffer that they were once made in, also of entries that were
//! deleted long before. A new environment is never given such an entry, so that nothing of it can be in its file.

use std::path::Path;

use lmdb::{Cursor, Database, Environment, EnvironmentFlags, RwTransaction, Transaction, WriteFlags};

use crate::store::lmdb::databases::{self, Databases, Refusal};

/// Bytes of entries in one transaction, give or take the last.
const MOST_BYTES: usize = 32 << 20;

/// What a file takes in which nothing is stored yet, and the pages that are written anew between two transactions.
const SPARE: usize = 16 << 20;

/// Copies everything that `transaction` sees into a new file in `directory`, which is empty. `bytes` are in use, with those that are free.
pub fn copy<T: Transaction>(transaction: &T, from: Databases, directory: &Path, bytes: usize) -> lmdb::Result<()> {
    let environment = Environment::new()
        .set_flags(EnvironmentFlags::NO_TLS | EnvironmentFlags::NO_SYNC)
        .set_max_dbs(databases::COUNT)
        .set_map_size(bytes.saturating_mul(2).saturating_add(SPARE))
        .open_with_permissions(directory, 0o600)?;
    let to = Databases::open(&environment).map_err(|refusal| match refusal {
        Refusal::Database(error) => error,
        Refusal::Format(_) | Refusal::Replaced => lmdb::Error::Incompatible,
    })?;
    for (from, to) in from.all().into_iter().zip(to.all()) {
        copy_all(transaction, from, &environment, to)?;
    }
    environment.sync(true)
}

fn copy_all<T: Transaction>(
    transaction: &T,
    from: Database,
    environment: &Environment,
    to: Database,
) -> lmdb::Result<()> {
    let mut cursor = transaction.open_ro_cursor(from)?;
    let mut entries = cursor.iter_start().peekable();
    // In their order, pages are filled to the end.
    let is_empty = environment.begin_ro_txn()?.open_ro_cursor(to)?.iter_start().next().is_none();
    let flags = if is_empty { WriteFlags::APPEND } else { WriteFlags::empty() };
    while entries.peek().is_some() {
        let mut writing: RwTransaction<'_> = environment.begin_rw_txn()?;
        let mut bytes = 0;
        while bytes < MOST_BYTES {
            let Some(entry) = entries.next() else { break };
            let (key, value) = entry?;
            writing.put(to, &key, &value, flags)?;
            bytes += key.len() + value.len();
        }
        writing.commit()?;
    }
    Ok(())
}
