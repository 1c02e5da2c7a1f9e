//! A receiver of webhooks that keeps what it gets, and answers as it is told.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};

/// What came in: headers and body.
type Got = Arc<Mutex<Vec<(HeaderMap, String)>>>;
type Answers = Arc<Mutex<Box<dyn FnMut() -> u16 + Send>>>;

pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Got,
    answers: Answers,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        async fn keep(
            State((got, answers)): State<(Got, Answers)>,
            headers: HeaderMap,
            body: Bytes,
        ) -> StatusCode {
            let body = String::from_utf8(body.to_vec()).unwrap();
            got.lock().unwrap().push((headers, body));
            let status = answers.lock().unwrap()();
            StatusCode::from_u16(status).unwrap()
        }
        let got = Got::default();
        let answers: Answers = Arc::new(Mutex::new(Box::new(|| 200)));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(keep))
            .with_state((Arc::clone(&got), Arc::clone(&answers)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got, answers }
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, with: impl FnMut() -> u16 + Send + 'static) {
        *self.answers.lock().unwrap() = Box::new(with);
    }

    /// What it got so far, whatever it answered.
    pub(crate) fn got(&self) -> Vec<(HeaderMap, String)> {
        self.got.lock().unwrap().clone()
    }
}
