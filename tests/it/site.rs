//! The web in this process, on a port of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wirewatch::{
    auth::{self, Token},
    domain::{Clock, Role, UserId},
    store::{
        PgPool,
        api_tokens::{self, NewApiToken},
        live,
        sessions::{self, NewSession},
        users,
    },
    web::{self, WebOptions, WebState},
};

/// A password that is good enough.
pub(crate) const PASSWORD: &str = "ferry lantern oblique 7 gravel";

/// Longer than anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A running web.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    client: Client,
    db: PgPool,
    clock: Arc<dyn Clock>,
    /// What requests show, unless they say otherwise.
    token: Option<String>,
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
    /// Starts the web on `db`, at the time of `clock`, for everybody to read; requests show the token of an admin.
    pub(crate) async fn start(db: &PgPool, clock: Arc<dyn Clock>) -> Self {
        let options = WebOptions {
            anonymous_reading: true,
            ..WebOptions::default()
        };
        let mut site = Self::with(db, clock, options).await;
        site.token = site.token_of(Role::Admin).await;
        site
    }

    /// Starts the web with these settings; requests show nothing.
    pub(crate) async fn with(db: &PgPool, clock: Arc<dyn Clock>, options: WebOptions) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            client: client(),
            db: db.clone(),
            clock: clock.clone(),
            token: None,
            stop: CancellationToken::new(),
            parts: TaskTracker::new(),
        };
        let (telling, hearing) = live::channel(live::Numbers::default());
        let state = WebState::new(db.clone(), clock, hearing, site.stop.clone(), options);
        let (db, stop) = (db.clone(), site.stop.clone());
        site.parts.spawn(live::follow(db, telling, stop));
        let stop = site.stop.clone();
        site.parts
            .spawn(async move { web::serve(listener, state, stop).await.unwrap() });
        site
    }

    /// A token of the installation with this role; none where there is no database.
    pub(crate) async fn token_of(&self, role: Role) -> Option<String> {
        self.key(role, false).await
    }

    /// The same, for feeds and tables alone.
    pub(crate) async fn output_key(&self, role: Role) -> String {
        self.key(role, true).await.expect("there is a database")
    }

    async fn key(&self, role: Role, is_for_outputs: bool) -> Option<String> {
        let token = Token::for_program(random());
        let hash = token.hash();
        let new = NewApiToken {
            token_hash: hash.as_bytes(),
            name: "test",
            role,
            user: None,
            is_for_outputs,
            lifetime: Duration::from_hours(10_000),
        };
        let added = api_tokens::add(&self.db, new, "test", self.clock.now()).await;
        added.ok().map(|_| token.reveal().to_owned())
    }

    /// An account with [`PASSWORD`].
    pub(crate) async fn account(&self, name: &str, role: Role) -> UserId {
        let hash = auth::hash(PASSWORD, &[7; 16]).unwrap();
        let name = name.parse().unwrap();
        let now = self.clock.now();
        let added = users::add(&self.db, &name, "", role, Some(hash.as_str()), "test", now).await;
        added.unwrap().expect("the name is free")
    }

    /// The cookie of a session of that account, without the work of a password.
    pub(crate) async fn session_of(&self, user: UserId) -> String {
        let token = Token::new(random());
        let hash = token.hash();
        let session = NewSession {
            token_hash: hash.as_bytes(),
            password_hash: None,
            replaces: None,
            user_agent: "test",
            address: "127.0.0.1",
            lifetime: Duration::from_hours(10_000),
        };
        let now = self.clock.now();
        assert!(sessions::begin(&self.db, user, session, now).await.unwrap());
        format!("wirewatch={}", token.reveal())
    }

    /// The cookie of a reader in that zone.
    pub(crate) async fn reader_in(&self, zone: &str) -> String {
        let reader = self.account("kim", Role::Viewer).await;
        let cookie = self.session_of(reader).await;
        let fields = [
            ("full_name", "Kim"),
            ("time_zone", zone),
            ("clock_format", "24h"),
        ];
        let chosen = self.form("/account/preferences", &fields);
        assert_eq!(ask(chosen.header("cookie", &cookie)).await.status, 303);
        cookie
    }

    /// Sends the form of the sign-in page, as a browser does.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let form = [("name", name), ("password", password), ("next", "/")];
        ask(self.form("/login", &form)).await
    }

    /// A form, as a browser on a page of ours sends it.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.client
            .request(Method::POST, self.url(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body)
    }

    /// A request that shows nothing.
    pub(crate) fn bare_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request for another address.
    pub(crate) fn elsewhere(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
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
        tokio::time::timeout(PATIENCE, self.parts.wait())
            .await
            .expect("the web stops, with live streams open");
    }

    /// Tells the web to stop.
    pub(crate) fn begin_to_stop(&self) {
        self.stop.cancel();
    }
}

/// Bytes that no other test has.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&crate::binary::any_below(u64::MAX).to_le_bytes());
    }
    bytes
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
