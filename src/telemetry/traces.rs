//! Traces: spans go to a collector in batches, as OTLP over HTTP (protobuf).

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use url::Url;

use crate::fetch::Collector;

/// Where a collector takes traces (OTLP 1.9, "OTLP/HTTP Request").
const PATH: &str = "v1/traces";

/// A collector has so long to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// When the process ends, what waits has so long to go.
const END_WITHIN: Duration = Duration::from_secs(1);

/// What sends spans while the process runs.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends to the collector at `endpoint`, its address without `/v1/traces`, on the threads of `runtime`. More spans
    /// than can be sent are left out: traces never hold up what they tell of.
    ///
    /// # Errors
    /// The address cannot be read.
    pub(super) fn to(endpoint: &str, runtime: Handle) -> anyhow::Result<Self> {
        let url = url(endpoint).with_context(|| {
            format!("telemetry.otlp_endpoint = {endpoint:?} is no http or https address")
        })?;
        let client = Client {
            collector: Collector::new(ANSWER_WITHIN)?,
            runtime,
            is_failing: Arc::default(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url)
            .with_timeout(ANSWER_WITHIN)
            .build()?;
        let resource = Resource::builder()
            .with_service_name("wirewatch")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_attribute(opentelemetry::KeyValue::new(
                "process.pid",
                i64::from(std::process::id()),
            ));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Self(provider))
    }

    /// The layer that hears of spans: wirewatch's own, down to `info`.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("wirewatch"))
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(is_told))
    }

    /// Sends what waits, and ends.
    pub(super) fn end(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(END_WITHIN) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last traces were not sent"
            );
        }
    }
}

fn is_told(of: &Metadata<'_>) -> bool {
    let target = of.target();
    let is_own = target == "wirewatch" || target.starts_with("wirewatch::");
    is_own && *of.level() <= Level::INFO
}

/// Where spans are posted; none if that is no address.
fn url(endpoint: &str) -> Option<String> {
    let mut base: Url = endpoint.trim().parse().ok()?;
    if !matches!(base.scheme(), "http" | "https") {
        return None;
    }
    if !base.path().ends_with('/') {
        let folder = format!("{}/", base.path());
        base.set_path(&folder);
    }
    Some(base.join(PATH).ok()?.into())
}

/// The exporter asks from a thread of its own; the request is made on the runtime.
#[derive(Debug)]
struct Client {
    collector: Collector,
    runtime: Handle,
    is_failing: Arc<AtomicBool>,
}

impl HttpClient for Client {
    fn send_bytes<'client, 'answer>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'answer>>
    where
        'client: 'answer,
        Self: 'answer,
    {
        let (head, body) = request.into_parts();
        let collector = self.collector.clone();
        let sending = self.runtime.spawn(async move {
            collector
                .post(head.uri.to_string(), head.headers, body.to_vec())
                .await
        });
        let is_failing = Arc::clone(&self.is_failing);
        Box::pin(async move {
            let sent = sending.await?;
            tell(
                &is_failing,
                sent.as_ref().map_or_else(
                    |error| Some(error.to_string()),
                    |status| (!status.is_success()).then(|| format!("it answers {status}")),
                ),
            );
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = sent?;
            Ok(response)
        })
    }
}

/// Says when the collector begins to fail and when it is well again, not each time.
fn tell(is_failing: &AtomicBool, why: Option<String>) {
    let was_failing = is_failing.swap(why.is_some(), Ordering::Relaxed);
    match why {
        Some(why) if !was_failing => {
            tracing::warn!(why, "the collector does not take traces; they are dropped");
        }
        None if was_failing => tracing::info!("the collector takes traces again"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_address_of_the_collector() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://c.example/otlp", "https://c.example/otlp/v1/traces"),
        ] {
            assert_eq!(url(endpoint).as_deref(), Some(expected));
        }
        for no_address in ["collector", "grpc://127.0.0.1:4317", "/v1/traces"] {
            assert_eq!(url(no_address), None, "{no_address}");
        }
    }
}
