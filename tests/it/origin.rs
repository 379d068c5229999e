//! A scripted origin on a loopback socket: raw bytes in, raw bytes out, so that it can misbehave in any way.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Request line and fields, up to and including the empty line.
    pub head: Vec<u8>,
    pub content: Vec<u8>,
    /// The connection that it came over, counted from 0.
    pub connection: usize,
    /// The client resumed a TLS session.
    pub is_resumed: bool,
}

impl Heard {
    pub fn request_line(&self) -> String {
        String::from_utf8_lossy(self.head.split(|byte| *byte == b'\r').next().unwrap()).into_owned()
    }

    /// The value of the first line of that name.
    pub fn field(&self, name: &str) -> Option<Vec<u8>> {
        let lines = self.head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut pairs = lines.filter_map(|line| line.split_at_checked(name.len()));
        let (_, rest) =
            pairs.find(|(start, rest)| start.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b":"))?;
        Some(rest[1..].trim_ascii().to_vec())
    }
}

/// What the origin does in answer.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Again and again, until the client has had enough.
    Repeat(Vec<u8>),
    Pause(Duration),
    /// Nothing more, until the client hangs up.
    Hang,
    Close,
}

/// One step: send these bytes.
pub fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// A whole 200.
pub fn ok(body: &str) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))]
}

pub trait Link: Read + Write {
    fn is_resumed(&self) -> bool {
        false
    }
}

impl Link for TcpStream {}

impl Link for StreamOwned<ServerConnection, TcpStream> {
    fn is_resumed(&self) -> bool {
        self.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

/// An origin that lives as long as this value.
pub struct Origin {
    address: SocketAddr,
    scheme: &'static str,
    heard: Arc<Mutex<Vec<Heard>>>,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Origin {
    /// Answers each request with the steps that `script` says.
    pub fn http(script: impl Fn(&Heard) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::answering(None, script)
    }

    /// The same over TLS.
    pub fn https(config: ServerConfig, script: impl Fn(&Heard) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::answering(Some(Arc::new(config)), script)
    }

    fn answering(tls: Option<Arc<ServerConfig>>, script: impl Fn(&Heard) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let log = Arc::clone(&heard);
        let serve = move |link: &mut dyn Link, connection: usize| {
            while let Some(request) = hear(link, connection)? {
                log.lock().unwrap().push(request.clone());
                for step in script(&request) {
                    act(link, step)?;
                }
            }
            Ok(())
        };
        Self::start(tls, heard, serve)
    }

    /// Serves each connection in its own words, which need not be HTTP.
    pub fn raw(
        tls: Option<Arc<ServerConfig>>,
        serve: impl Fn(&mut dyn Link, usize) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start(tls, Arc::default(), serve)
    }

    fn start(
        tls: Option<Arc<ServerConfig>>,
        heard: Arc<Mutex<Vec<Heard>>>,
        serve: impl Fn(&mut dyn Link, usize) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = Self {
            address: listener.local_addr().unwrap(),
            scheme: if tls.is_some() { "https" } else { "http" },
            heard,
            connections: Arc::default(),
            open: Arc::default(),
            is_over: Arc::default(),
        };
        let (connections, open) = (Arc::clone(&origin.connections), Arc::clone(&origin.open));
        let is_over = Arc::clone(&origin.is_over);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let connection = connections.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                let (tls, serve, open) = (tls.clone(), Arc::clone(&serve), Arc::clone(&open));
                thread::spawn(move || {
                    // A client that hangs up in the middle is what many tests are about.
                    let _ = match tls {
                        Some(tls) => {
                            serve(&mut StreamOwned::new(ServerConnection::new(tls).unwrap(), stream), connection)
                        }
                        None => serve(&mut { stream }, connection),
                    };
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        origin
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until no connection is open any more; `false` after five seconds.
    pub fn is_left_alone(&self) -> bool {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            self.open() == 0
        })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

/// The next request, or `None` when the client has hung up.
pub fn hear(link: &mut dyn Link, connection: usize) -> io::Result<Option<Heard>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if link.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let mut request = Heard { head, content: Vec::new(), connection, is_resumed: link.is_resumed() };
    let length = request.field("content-length").map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap());
    request.content = vec![0; length];
    link.read_exact(&mut request.content)?;
    Ok(Some(request))
}

fn act(link: &mut dyn Link, step: Step) -> io::Result<()> {
    match step {
        Step::Send(bytes) => link.write_all(&bytes).and_then(|()| link.flush()),
        Step::Repeat(bytes) => loop {
            link.write_all(&bytes)?;
        },
        Step::Pause(time) => {
            thread::sleep(time);
            Ok(())
        }
        Step::Hang => {
            let mut rest = [0; 1024];
            while link.read(&mut rest)? > 0 {}
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Step::Close => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}
