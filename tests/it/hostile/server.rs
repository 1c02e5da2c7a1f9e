//! A server that breaks every rule, on raw TCP: each path plays one case.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

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

/// The running server.
pub(crate) struct HostileServer {
    address: SocketAddr,
}

impl HostileServer {
    /// Plays `scripts` by path.
    pub(crate) async fn start(scripts: HashMap<String, Vec<Step>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scripts = Arc::new(scripts);
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.clone().spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tasks.spawn(play(connection, Arc::clone(&scripts)));
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn https(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

async fn play(mut connection: TcpStream, scripts: Arc<HashMap<String, Vec<Step>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            // A handshake of TLS: the case is that nobody answers it.
            Ok(0x16) if head.is_empty() => return std::future::pending().await,
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    for step in scripts.get(path).cloned().unwrap_or_default() {
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
                tokio::time::sleep(pause).await;
            },
            Step::Hang => std::future::pending().await,
            Step::Reset => {
                let _ = connection.set_zero_linger();
                return;
            }
        }
    }
}
