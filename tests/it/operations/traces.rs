//! Traces, as a collector of OTLP over HTTP receives them.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;

use super::{
    machine::{Database, Machine, client, until},
    publisher::Publisher,
};
use crate::worker::beat;

type Got = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A collector on loopback: its address, and what it got.
async fn collector() -> (String, Got) {
    async fn take(State(got): State<Got>, headers: HeaderMap, body: Bytes) -> StatusCode {
        assert_eq!(headers[header::CONTENT_TYPE], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        got.lock().unwrap().push(request);
        StatusCode::OK
    }
    let got = Got::default();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/v1/traces", post(take))
        .with_state(Arc::clone(&got));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, got)
}

/// All spans of a name.
fn spans(got: &Got, name: &str) -> Vec<Span> {
    let got = got.lock().unwrap();
    got.iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .filter(|span| span.name == name)
        .cloned()
        .collect()
}

fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_and_requests_reach_the_collector_and_the_end_of_a_process_sends_the_last() {
    let (address, got) = collector().await;
    let database = Database::start().await;
    let publisher = Publisher::start(2).await;
    let mut machine = Machine::new(&database.url(), &beat(&publisher.urls(), &[("a", "acme")]));
    machine.set("WIREWATCH_TELEMETRY__OTLP_ENDPOINT", &address);
    // What is logged and what is traced are two things.
    machine.set("WIREWATCH_LOG__FILTER", "error");
    let mut worker = machine.start("worker", "worker.log");
    let mut web = machine.start("web", "web.log");
    until("a span of a poll", || async {
        !spans(&got, "poll").is_empty()
    })
    .await;
    let poll = spans(&got, "poll").remove(0);
    let feed: i64 = value(&poll.attributes, "feed.id").unwrap().parse().unwrap();
    assert!((1..=2).contains(&feed), "{poll:?}");
    assert_eq!(
        value(&poll.attributes, "feed.host").unwrap(),
        "127.0.0.1",
        "{poll:?}"
    );
    assert!(poll.end_time_unix_nano > poll.start_time_unix_nano);
    assert!(poll.parent_span_id.is_empty(), "a poll begins a trace");
    {
        let got = got.lock().unwrap();
        let resource = got[0].resource_spans[0].resource.as_ref().unwrap();
        let name = value(&resource.attributes, "service.name");
        assert_eq!(name.as_deref(), Some("wirewatch"));
    }

    // Asked just before the end, this request is told by the end.
    let url = format!("{}/livez", web.base);
    let asked = &url;
    until("the pages", || async move {
        client().get(asked).send().await.is_ok()
    })
    .await;
    assert!(web.terminate().await, "{}", web.words());
    let requests = spans(&got, "http.request");
    let request = requests.last().expect("the end sends what waits");
    assert_eq!(value(&request.attributes, "http.route").unwrap(), "/livez");
    assert_eq!(value(&request.attributes, "http.status").unwrap(), "200");

    assert!(worker.terminate().await);
    assert_eq!(worker.words(), "", "the filter of the log is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_told_of_once_and_holds_nothing_up() {
    let nobody = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    let database = Database::start().await;
    let publisher = Publisher::start(2).await;
    let mut machine = Machine::new(&database.url(), &beat(&publisher.urls(), &[("a", "acme")]));
    // It takes connections, and never answers.
    machine.set("WIREWATCH_TELEMETRY__OTLP_ENDPOINT", &address);
    let mut worker = machine.start("worker", "worker.log");
    let said = "the collector does not take traces";
    let working = &worker;
    until("the word of the collector", || async move {
        working.words().contains(said)
    })
    .await;
    let asked = publisher.answers();
    let watched = &publisher;
    until("polls that go on", || async move {
        watched.answers() > asked + 4
    })
    .await;
    assert!(worker.terminate().await, "{}", worker.words());
    assert_eq!(worker.words().matches(said).count(), 1, "once");
}
