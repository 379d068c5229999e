//! reqwest, and nothing around it: prebuilt URLs, tags and bodies in a `HashMap`, one thread.

use std::rc::Rc;

use bench_programs::{Held, Memory, Outcome, Round, arguments, decoded, rounds};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, StatusCode, Url};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};

struct Bare {
    client: Client,
    pages: Vec<(Url, u64)>,
    memory: Memory,
}

fn main() -> Outcome<()> {
    let (pages, concurrency) = arguments()?;
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is there already")?;
    let client = Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(concurrency).build()?;
    let pages = pages.iter().map(|(url, digest)| Ok((Url::parse(url)?, *digest))).collect::<Outcome<Vec<_>>>()?;
    let count = pages.len();
    let bare = Rc::new(Bare { client, pages, memory: Memory::default() });
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    rounds("tokio current_thread, HTTP/1.1, no redirects, no proxy, no decoding", count, |round| {
        local.block_on(&runtime, visit(Rc::clone(&bare), concurrency, round))
    })
}

async fn visit(bare: Rc<Bare>, concurrency: usize, round: Rc<Round>) -> Outcome<()> {
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (bare, round) = (Rc::clone(&bare), Rc::clone(&round));
        workers.spawn_local(async move {
            while let Some(number) = round.next() {
                get(&bare, &round, number).await.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn get(bare: &Bare, round: &Round, number: usize) -> Outcome<()> {
    let (url, digest) = &bare.pages[number];
    let mut request = Request::new(Method::GET, url.clone());
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(held) = bare.memory.borrow().get(url.as_str()) {
        request.headers_mut().insert(IF_NONE_MATCH, held.etag.clone());
    }
    let response = bare.client.execute(request).await?;
    if response.status() != StatusCode::NOT_MODIFIED {
        let response = response.error_for_status()?;
        let etag = response.headers().get(ETAG).ok_or("a page without a tag")?.clone();
        let coding = response.headers().get(CONTENT_ENCODING).cloned();
        let content = decoded(coding.as_ref(), response.bytes().await?)?;
        bare.memory.borrow_mut().insert(url.as_str().to_owned(), Held { etag, content });
    }
    if round.read {
        let memory = bare.memory.borrow();
        round.check(&memory.get(url.as_str()).ok_or("a 304 without a page")?.content, *digest);
    }
    Ok(())
}
