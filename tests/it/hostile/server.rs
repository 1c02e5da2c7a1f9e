//! A server that breaks every rule, on raw TCP: each path plays one case.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What the server does after it has read a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again, with a pause.
    Repeat(Vec<u8>, Duration),
    /// Says nothing more and keeps the connection.
    Hang,
    /// Resets the connection.
    Reset,
}

/// What the server plays, and what came of it.
#[derive(Default)]
struct Stage {
    scripts: HashMap<String, Vec<Step>>,
    /// Requests, by path.
    asked: Mutex<HashMap<String, u64>>,
    /// Bytes that were taken from the server at most, by path.
    sent: Mutex<HashMap<String, usize>>,
    /// Connections that stand.
    open: AtomicUsize,
}

impl Stage {
    fn note(&self, path: &str, sent: usize) {
        let mut all = self.sent.lock().unwrap();
        let most = all.entry(path.to_owned()).or_default();
        *most = sent.max(*most);
    }
}

/// The running server.
pub(crate) struct HostileServer {
    address: SocketAddr,
    stage: Arc<Stage>,
}

impl HostileServer {
    /// Plays `scripts` by path.
    pub(crate) async fn start(scripts: HashMap<String, Vec<Step>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stage = Arc::new(Stage {
            scripts,
            ..Stage::default()
        });
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.clone().spawn({
            let stage = Arc::clone(&stage);
            async move {
                while let Ok((connection, _)) = listener.accept().await {
                    let stage = Arc::clone(&stage);
                    tasks.spawn(async move {
                        stage.open.fetch_add(1, Ordering::SeqCst);
                        play(connection, &stage).await;
                        stage.open.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            }
        });
        Self { address, stage }
    }

    /// Connections that stand.
    pub(crate) fn open(&self) -> usize {
        self.stage.open.load(Ordering::SeqCst)
    }

    /// The most bytes that one client took at `path`, the buffers between them included.
    pub(crate) fn sent(&self, path: &str) -> usize {
        let sent = self.stage.sent.lock().unwrap();
        sent.get(path).copied().unwrap_or(0)
    }

    /// The most requests for one address with a query, which is what a feed has; where a redirect leads has none.
    pub(crate) fn most_asked(&self) -> u64 {
        let asked = self.stage.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(target, _)| target.contains('?'))
            .map(|(_, times)| *times)
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn https(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

async fn play(mut connection: TcpStream, stage: &Stage) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            // A handshake of TLS: the case is that nobody answers it.
            Ok(0x16) if head.is_empty() => return until_closed(&mut connection).await,
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).unwrap_or_default();
    *stage
        .asked
        .lock()
        .unwrap()
        .entry(target.to_owned())
        .or_default() += 1;
    let path = target.split('?').next().unwrap_or_default();
    let mut sent = 0;
    for step in stage.scripts.get(path).cloned().unwrap_or_default() {
        match step {
            Step::Send(bytes) => {
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Repeat(bytes, pause) => loop {
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
                sent += bytes.len();
                stage.note(path, sent);
                tokio::time::sleep(pause).await;
            },
            Step::Hang => return until_closed(&mut connection).await,
            Step::Reset => {
                let _ = connection.set_zero_linger();
                return;
            }
        }
    }
}

/// Says nothing until the client has had enough.
async fn until_closed(connection: &mut TcpStream) {
    let mut unheard = [0; 1_024];
    while connection
        .read(&mut unheard)
        .await
        .is_ok_and(|length| length > 0)
    {}
}
