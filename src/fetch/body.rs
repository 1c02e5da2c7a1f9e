//! A body as a stream: decoded, and stopped at every limit.

use std::{io, pin::Pin};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use futures_util::TryStreamExt as _;
use reqwest::{
    Response,
    header::{CONTENT_ENCODING, HeaderMap},
};
use thiserror::Error;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Duration, Instant},
};
use tokio_util::io::StreamReader;

/// Codings that are asked for.
pub(super) const CODINGS: &str = "gzip, br, zstd, deflate";

/// A body larger than this takes one of the places for large ones.
const LARGE: usize = 256 * 1_024;
const STEP: usize = 16 * 1_024;

type Wire = Pin<Box<dyn AsyncBufRead + Send>>;

/// How much of a body is taken, and how slowly.
pub(super) struct Limits {
    /// Bytes, as sent and as decoded.
    pub(super) bytes: usize,
    /// Bytes a second, on the mean.
    pub(super) rate: u64,
    /// The time after which the rate counts.
    pub(super) patience: Duration,
    /// Places for large bodies.
    pub(super) large: std::sync::Arc<Semaphore>,
}

/// A body, and the place that it takes if it is large.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Why a body was not received whole.
#[derive(Debug, Error)]
pub(super) enum BodyError {
    /// The connection.
    #[error("{0}")]
    Wire(#[from] reqwest::Error),
    /// The coding ends early.
    #[error("the coded body ends early")]
    Cut,
    /// The coding is broken.
    #[error("the {0} coding is broken")]
    Coding(&'static str),
    /// Nothing that was asked for.
    #[error("the content coding {0:?} is unknown")]
    Unknown(String),
    /// Over the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Too few bytes in too much time.
    #[error("the body came at less than {0} bytes a second")]
    TooSlow(u64),
}

/// Reads the body of `response`.
pub(super) async fn read(response: Response, limits: &Limits) -> Result<Body, BodyError> {
    let coding = coding(response.headers())?;
    if response.content_length() > Some(limits.bytes as u64) {
        return Err(BodyError::TooLarge(limits.bytes));
    }
    let most = limits.bytes;
    let mut received = 0;
    let stream = response
        .bytes_stream()
        .map_err(io::Error::other)
        .and_then(move |chunk| {
            received += chunk.len();
            let is_within = received <= most;
            async move {
                if is_within {
                    Ok(chunk)
                } else {
                    Err(io::Error::other(BodyError::TooLarge(most)))
                }
            }
        });
    let wire: Wire = Box::pin(StreamReader::new(Box::pin(stream)));
    let mut reading = Reading {
        body: Body::default(),
        limits,
        begun: Instant::now(),
    };
    let outcome = match coding {
        None => reading.take(wire).await.map(drop),
        Some("gzip") => reading.gzip(wire).await,
        Some("br") => reading.take(BrotliDecoder::new(wire)).await.map(drop),
        Some("zstd") => {
            let mut decoder = ZstdDecoder::new(wire);
            // Several frames make one body (RFC 8878, section 3).
            decoder.multiple_members(true);
            reading.take(decoder).await.map(drop)
        }
        Some(_) => reading.deflate(wire).await,
    };
    match outcome {
        Ok(()) => {
            // Many wait to be read at a time, and it grew by doubling.
            reading.body.bytes.shrink_to_fit();
            Ok(reading.body)
        }
        Err(error) => Err(of_io(error, coding.unwrap_or("identity"))),
    }
}

/// The one coding of a body. Several upon each other are what only an attacker sends.
fn coding(headers: &HeaderMap) -> Result<Option<&'static str>, BodyError> {
    let named: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
                .collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    match named.as_slice() {
        [] => Ok(None),
        [one] => match one.as_str() {
            "gzip" | "x-gzip" => Ok(Some("gzip")),
            "br" => Ok(Some("br")),
            "zstd" => Ok(Some("zstd")),
            "deflate" => Ok(Some("deflate")),
            _ => Err(BodyError::Unknown(one.clone())),
        },
        several => Err(BodyError::Unknown(several.join(", "))),
    }
}

fn of_io(error: io::Error, coding: &'static str) -> BodyError {
    let kind = error.kind();
    let Some(inner) = error.into_inner() else {
        return if kind == io::ErrorKind::UnexpectedEof {
            BodyError::Cut
        } else {
            BodyError::Coding(coding)
        };
    };
    match inner.downcast::<reqwest::Error>() {
        Ok(wire) => BodyError::Wire(*wire),
        Err(inner) => match inner.downcast::<BodyError>() {
            Ok(limit) => *limit,
            Err(_) if kind == io::ErrorKind::UnexpectedEof => BodyError::Cut,
            Err(_) => BodyError::Coding(coding),
        },
    }
}

struct Reading<'a> {
    body: Body,
    limits: &'a Limits,
    begun: Instant,
}

impl Reading<'_> {
    /// Appends all that `reader` gives.
    async fn take<R: AsyncRead + Unpin>(&mut self, mut reader: R) -> io::Result<R> {
        loop {
            self.body.bytes.reserve(STEP);
            if reader.read_buf(&mut self.body.bytes).await? == 0 {
                return Ok(reader);
            }
            self.check().await?;
        }
    }

    async fn check(&mut self) -> io::Result<()> {
        let length = self.body.bytes.len();
        if length > self.limits.bytes {
            return Err(io::Error::other(BodyError::TooLarge(self.limits.bytes)));
        }
        let elapsed = self.begun.elapsed();
        let least = self.limits.rate.saturating_mul(elapsed.as_secs());
        if elapsed > self.limits.patience && (length as u64) < least {
            return Err(io::Error::other(BodyError::TooSlow(self.limits.rate)));
        }
        if length > LARGE && self.body.place.is_none() {
            // Nobody closes the semaphore; how long this may take is for the time of the whole exchange to say.
            self.body.place = std::sync::Arc::clone(&self.limits.large)
                .acquire_owned()
                .await
                .ok();
        }
        Ok(())
    }

    /// All members (RFC 1952 §2.2). What follows the last one is no part of the body.
    async fn gzip(&mut self, mut wire: Wire) -> io::Result<()> {
        const MAGIC: u8 = 0x1f;
        loop {
            wire = self.take(GzipDecoder::new(wire)).await?.into_inner();
            if wire.fill_buf().await?.first() != Some(&MAGIC) {
                return Ok(());
            }
        }
    }

    /// With the header of zlib, as the standard says, or without, as some servers do.
    async fn deflate(&mut self, mut wire: Wire) -> io::Result<()> {
        let is_zlib = wire
            .fill_buf()
            .await?
            .first()
            .is_some_and(|first| first & 0x0f == 8);
        if is_zlib {
            self.take(ZlibDecoder::new(wire)).await.map(drop)
        } else {
            self.take(DeflateDecoder::new(wire)).await.map(drop)
        }
    }
}
