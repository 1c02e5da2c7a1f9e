//! A TCP proxy before PostgreSQL that cuts and delays what goes through it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// The proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    /// Milliseconds that each piece waits.
    delay: Arc<AtomicU64>,
    is_refusing: Arc<AtomicBool>,
    /// Counts cuts: connections older than the last one end.
    cuts: Arc<watch::Sender<u64>>,
}

impl Proxy {
    /// A proxy before the socket of a PostgreSQL.
    pub(super) async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            delay: Arc::default(),
            is_refusing: Arc::default(),
            cuts: Arc::new(watch::channel(0).0),
        };
        let running = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if running.is_refusing.load(Ordering::SeqCst) {
                    continue;
                }
                let (passing, socket) = (running.clone(), socket.clone());
                // Either side may go away at any time: that is what the proxy is for.
                tokio::spawn(async move {
                    let _ = passing.pass(stream, socket).await;
                });
            }
        });
        proxy
    }

    /// The address of a database behind it.
    pub(super) fn url(&self, name: &str) -> String {
        format!(
            "postgres://wirewatch@{}/{name}?sslmode=disable",
            self.address
        )
    }

    /// Cuts every connection that is open.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Whether new connections end at once.
    pub(super) fn refuse(&self, is_refusing: bool) {
        self.is_refusing.store(is_refusing, Ordering::SeqCst);
    }

    /// From now on each piece waits so long.
    pub(super) fn delay(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.delay.store(millis, Ordering::SeqCst);
    }

    async fn pass(&self, client: TcpStream, socket: PathBuf) -> std::io::Result<()> {
        let mut cuts = self.cuts.subscribe();
        cuts.mark_unchanged();
        client.set_nodelay(true)?;
        let server = UnixStream::connect(socket).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            done = self.pump(from_client, to_server) => done,
            done = self.pump(from_server, to_client) => done,
            _ = cuts.changed() => Ok(()),
        }
    }

    async fn pump(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok(());
            }
            let delay = self.delay.load(Ordering::SeqCst);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            to.write_all(&piece[..length]).await?;
        }
    }
}
