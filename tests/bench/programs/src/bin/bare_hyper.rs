//! hyper, and nothing around it: one kept connection for each worker, tags and bodies in a `HashMap`, one thread.

use std::cell::RefCell;
use std::rc::Rc;

use bench_programs::{Held, Memory, Outcome, Round, arguments, decoded, rounds};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet, spawn_local};
use url::Url;

struct Page {
    url: String,
    // As it goes on the wire: an origin has no use for scheme and host.
    target: Uri,
    digest: u64,
}

struct Bare {
    address: String,
    host: HeaderValue,
    pages: Vec<Page>,
    memory: Memory,
    idle: RefCell<Vec<SendRequest<Empty<Bytes>>>>,
}

fn main() -> Outcome<()> {
    let (pages, concurrency) = arguments()?;
    let first = Url::parse(&pages.first().ok_or("no pages")?.0)?;
    let address = format!("{}:{}", first.host_str().ok_or("no host")?, first.port().ok_or("no port")?);
    let pages = pages
        .into_iter()
        .map(|(url, digest)| Ok(Page { target: Url::parse(&url)?.path().parse()?, url, digest }))
        .collect::<Outcome<Vec<_>>>()?;
    let count = pages.len();
    let host = address.parse()?;
    let bare = Rc::new(Bare { address, host, pages, memory: Memory::default(), idle: RefCell::default() });
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    rounds("tokio current_thread, HTTP/1.1, one kept connection for each worker", count, |round| {
        local.block_on(&runtime, visit(Rc::clone(&bare), concurrency, round))
    })
}

async fn visit(bare: Rc<Bare>, concurrency: usize, round: Rc<Round>) -> Outcome<()> {
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (bare, round) = (Rc::clone(&bare), Rc::clone(&round));
        workers.spawn_local(async move { work(&bare, &round).await.map_err(|error| error.to_string()) });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn work(bare: &Bare, round: &Round) -> Outcome<()> {
    let kept = bare.idle.borrow_mut().pop();
    let mut connection = match kept {
        Some(connection) => connection,
        None => connect(&bare.address).await?,
    };
    while let Some(number) = round.next() {
        get(bare, round, &mut connection, &bare.pages[number]).await?;
    }
    bare.idle.borrow_mut().push(connection);
    Ok(())
}

async fn connect(address: &str) -> Outcome<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    spawn_local(connection);
    Ok(sender)
}

async fn get(bare: &Bare, round: &Round, connection: &mut SendRequest<Empty<Bytes>>, page: &Page) -> Outcome<()> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = page.target.clone();
    request.headers_mut().insert(HOST, bare.host.clone());
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(held) = bare.memory.borrow().get(&page.url) {
        request.headers_mut().insert(IF_NONE_MATCH, held.etag.clone());
    }
    connection.ready().await?;
    let response = connection.send_request(request).await?;
    if response.status() != StatusCode::NOT_MODIFIED {
        let etag = response.headers().get(ETAG).ok_or("a page without a tag")?.clone();
        let coding = response.headers().get(CONTENT_ENCODING).cloned();
        let content = decoded(coding.as_ref(), response.into_body().collect().await?.to_bytes())?;
        bare.memory.borrow_mut().insert(page.url.clone(), Held { etag, content });
    }
    if round.read {
        let memory = bare.memory.borrow();
        round.check(&memory.get(&page.url).ok_or("a 304 without a page")?.content, page.digest);
    }
    Ok(())
}
