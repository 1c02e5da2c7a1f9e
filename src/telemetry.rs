//! Logs, to standard error as text or JSON, and traces, to a collector.

mod traces;

use std::io::{self, IsTerminal as _};

use tokio::runtime::Handle;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, prelude::*};

use self::traces::Traces;
use crate::config::{LogFormat, LogOptions, TelemetryOptions};

/// What the process tells of itself, until it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Telemetry(Option<Traces>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = &self.0 {
            traces.end();
        }
    }
}

/// Starts logs and, if a collector is named, traces, which are sent on `runtime`.
///
/// # Errors
/// The filter or the collector's address cannot be read, or logging was started before.
pub fn start(
    log: &LogOptions,
    telemetry: &TelemetryOptions,
    runtime: &Handle,
) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        anyhow::anyhow!("log.filter = {:?} cannot be read: {error}", log.filter)
    })?;
    let endpoint = telemetry.otlp_endpoint.trim();
    if endpoint.is_empty() {
        // One filter before everything: what is not logged costs nothing.
        tracing_subscriber::registry()
            .with(lines(log.format).and_then(filter))
            .try_init()?;
        return Ok(Telemetry(None));
    }
    let traces = Traces::to(endpoint, runtime.clone())?;
    tracing_subscriber::registry()
        .with(lines(log.format).with_filter(filter))
        .with(traces.layer())
        .try_init()?;
    Ok(Telemetry(Some(traces)))
}

/// The lines of a log.
fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    match format {
        LogFormat::Text => fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(io::stderr)
            .boxed(),
    }
}
