//! The web in this process, on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wirewatch::{
    domain::Clock,
    store::{PgPool, live},
    web::{self, WebState},
};

/// Longer than anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running web.
pub(crate) struct Site {
    address: SocketAddr,
    client: Client,
    stop: CancellationToken,
    parts: TaskTracker,
}

/// What a request came to.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Site {
    /// Starts the web on `db`, at the time of `clock`.
    pub(crate) async fn start(db: &PgPool, clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            client: client(),
            stop: CancellationToken::new(),
            parts: TaskTracker::new(),
        };
        let (sender, receiver) = watch::channel(0);
        let state = WebState::new(db.clone(), clock, receiver, site.stop.clone());
        let (db, stop) = (db.clone(), site.stop.clone());
        site.parts.spawn(live::follow_arrivals(db, sender, stop));
        let stop = site.stop.clone();
        site.parts
            .spawn(async move { web::serve(listener, state, stop).await.unwrap() });
        site
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        ask(self.request(Method::POST, path)).await
    }

    /// Tells the web to stop, and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.parts.close();
        tokio::time::timeout(Duration::from_secs(5), self.parts.wait())
            .await
            .expect("the web stops within seconds, with live streams open");
    }

    /// Tells the web to stop.
    pub(crate) fn begin_to_stop(&self) {
        self.stop.cancel();
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn ask(request: RequestBuilder) -> Answer {
    let response = request.timeout(PATIENCE).send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client of the pages, not of publishers"
)]
fn client() -> Client {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}
