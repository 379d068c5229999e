//! One client per exit, the most recently used ones; one cookie jar per partition, which outlives its clients.
//!
//! reqwest pools connections by scheme and host alone and remembers TLS sessions per configuration. So whatever must not be shared gets a
//! client of its own, with its own pool and its own TLS sessions. A retired client finishes what it has begun and then closes.
//!
//! reqwest bounds the idle connections to one host and nothing else. Whoever rotates proxies or crawls many hosts would soon have more
//! sockets than a process may open, so clients retire as well when they have opened many connections in all.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response};
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::identity::{self, Partition};

use super::connections::{Connections, Opened};
use super::exit::{Exit, carried_by, wants_addresses};
use super::jar::Jar;
use super::names::Names;
use super::options::Options;
use super::tls::Tls;

/// Clients that are kept.
const CLIENTS: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// Cookie jars that are kept; a jar is smaller than a client, and cannot be made again.
const JARS: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// Bytes of the largest header section over HTTP/2; for HTTP/1.1 hyper's own limits are of that order.
const LARGEST_HEADER_SECTION: u32 = 256 << 10;

/// A client, and what it opened if it is kept.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    client: Client,
    opened: Option<Arc<Opened>>,
}

impl Sender {
    /// Sends, up to the end of the answer's header section.
    pub(super) async fn execute(&self, request: Request) -> reqwest::Result<Response> {
        let response = self.client.execute(request).await?;
        if let Some(opened) = &self.opened {
            opened.note(&response);
        }
        Ok(response)
    }

    /// How many connections it opened.
    fn connections(&self) -> usize {
        self.opened.as_ref().map_or(0, |opened| opened.count())
    }
}

/// A partition's jar as it was before a request was sent.
#[derive(Debug)]
pub(super) struct JarBefore {
    partition: Partition,
    jar: Option<Arc<Jar>>,
    forgotten: usize,
}

/// The clients of a wire.
#[derive(Debug)]
pub(super) struct Clients {
    options: Options,
    tls: Tls,
    known: Mutex<LruCache<Exit, Sender>>,
    connections: Connections,
    jars: Mutex<LruCache<Partition, Arc<Jar>>>,
    /// How many times exits were forgotten.
    forgotten: AtomicUsize,
}

impl Clients {
    pub(super) fn new(options: Options) -> Result<Self> {
        let tls = Tls::new(&options)?;
        // Grown as they fill: most sessions have one client.
        let (known, jars) = (Mutex::new(LruCache::sparse(CLIENTS)), Mutex::new(LruCache::sparse(JARS)));
        let connections = Connections::new(options.concurrency);
        Ok(Self { options, tls, known, connections, jars, forgotten: AtomicUsize::new(0) })
    }

    /// The client of that exit.
    pub(super) async fn client(&self, exit: &Exit) -> Result<Sender> {
        if let Some(sender) = self.known(exit) {
            return Ok(sender);
        }
        let client = self.make(exit, self.options.concurrency_per_host).await?;
        let made = Sender { client, opened: Some(self.connections.begin()) };
        let mut known = lock(&self.known);
        if let Some(sender) = known.get(exit) {
            return Ok(sender.clone());
        }
        let retired = known.push(exit.clone(), made.clone());
        drop(known);
        self.part_with(retired.into_iter().collect());
        Ok(made)
    }

    /// A client without any connection yet, which nobody else will use, and which keeps no connection.
    pub(super) async fn fresh(&self, exit: &Exit) -> Result<Sender> {
        Ok(Sender { client: self.make(exit, 0).await?, opened: None })
    }

    /// The client of that exit, if it is kept. Others may have to retire first.
    fn known(&self, exit: &Exit) -> Option<Sender> {
        let mut known = lock(&self.known);
        if !self.connections.are_many() {
            return known.get(exit).cloned();
        }
        let mut retired = Vec::new();
        let mut left: usize = known.iter().map(|(_, sender)| sender.connections()).sum();
        while left > self.connections.enough()
            && let Some((exit, sender)) = known.pop_lru()
        {
            left = left.saturating_sub(sender.connections());
            retired.push((exit, sender));
        }
        self.connections.recount(left);
        let found = known.get(exit).cloned();
        drop(known);
        self.part_with(retired);
        found
    }

    /// Their connections close here, unless they are in use.
    fn part_with(&self, retired: Vec<(Exit, Sender)>) {
        for (exit, _) in retired {
            // It was in use until now, whenever its jar was last asked for.
            lock(&self.jars).promote(&exit.partition);
        }
    }

    async fn make(&self, exit: &Exit, idle_per_host: usize) -> Result<Client> {
        let config = if exit.is_secure { self.tls.secure().await? } else { self.tls.plain()? };
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.options.connect_timeout)
            .read_timeout(self.options.read_timeout)
            .pool_max_idle_per_host(idle_per_host)
            // RFC 9112 §5.2: "A user agent that receives an obs-fold in a response message ... MUST replace each received obs-fold
            // with one or more SP octets"
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http2_max_header_list_size(LARGEST_HEADER_SECTION)
            .tls_backend_preconfigured(config);
        if let Some(proxy) = &exit.proxy {
            builder = builder.proxy(carried_by(proxy)?);
            if wants_addresses(proxy) {
                builder = builder.dns_resolver(Arc::new(Names));
            }
        }
        builder.build().map_err(|error| Error::new(Kind::InvalidRequest, "no client can be made").with_source(error))
    }

    /// What the jar of a partition has for a URL, where there are jars.
    pub(super) fn cookies(&self, partition: Partition, url: &Url) -> Option<HeaderValue> {
        if !self.options.cookies {
            return None;
        }
        // Whoever only looks makes none.
        lock(&self.jars).get(&partition).map(Arc::clone)?.cookies(url)
    }

    /// What there is of a partition's jar before a request is sent.
    pub(super) fn jar_before(&self, partition: Partition) -> JarBefore {
        let jar = self.options.cookies.then(|| lock(&self.jars).get(&partition).map(Arc::clone)).flatten();
        JarBefore { partition, jar, forgotten: self.forgotten.load(Ordering::Acquire) }
    }

    /// Puts what an answer sets into the partition's jar, where there are jars; not where exits were forgotten since, and that jar with them.
    pub(super) fn keep_cookies(&self, before: &JarBefore, answer: &HeaderMap, url: &Url) {
        if !self.options.cookies {
            return;
        }
        let jar = match lock(&self.jars).get(&before.partition) {
            _ if before.forgotten == self.forgotten.load(Ordering::Acquire) => None,
            Some(jar) if before.jar.as_ref().is_some_and(|before| Arc::ptr_eq(before, jar)) => Some(Arc::clone(jar)),
            _ => return,
        };
        jar.unwrap_or_else(|| self.jar(before.partition)).keep(answer, url);
    }

    /// Parts with the cookies of these exits, and with their clients: connections close, unless they are in use.
    pub(super) fn forget(&self, exits: &HashSet<identity::Exit>) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        let (mut known, mut jars) = (lock(&self.known), lock(&self.jars));
        let clients: Vec<Exit> = known.iter().map(|(exit, _)| exit.clone()).collect();
        let partitions: Vec<Partition> = jars.iter().map(|(partition, _)| *partition).collect();
        let retired: Vec<Option<Sender>> =
            clients.iter().filter(|one| exits.contains(&one.partition.exit)).map(|one| known.pop(one)).collect();
        for partition in partitions.iter().filter(|one| exits.contains(&one.exit)) {
            jars.pop(partition);
        }
        drop((known, jars));
        drop(retired);
    }

    fn jar(&self, partition: Partition) -> Arc<Jar> {
        Arc::clone(lock(&self.jars).get_or_insert(partition, Arc::default))
    }
}

/// Nothing that holds these locks can leave them half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CLIENTS, Clients, Exit, Options, Partition};
    use crate::identity::Proxy;

    fn exit(number: usize) -> Exit {
        let proxy = Proxy::parse(&format!("http://user{number}:password@proxy:3128")).unwrap();
        let mut hash = [1; 16];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        let partition = Partition { exit: crate::identity::Exit(hash), ..Partition::ANONYMOUS };
        Exit::new(partition, Some(proxy), &"http://host/".parse().unwrap())
    }

    #[test]
    fn rotating_proxies_leave_few_clients_and_all_jars() {
        let clients = Clients::new(Options { cookies: true, ..Options::default() }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let jar = clients.jar(exit(0).partition);
        for number in 0..3 * CLIENTS.get() {
            runtime.block_on(clients.client(&exit(number))).unwrap();
        }
        assert_eq!(super::lock(&clients.known).len(), CLIENTS.get());
        assert!(Arc::ptr_eq(&jar, &clients.jar(exit(0).partition)));
    }
}
