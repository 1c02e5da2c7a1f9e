//! Style, script and icon: compiled in, with a hash of their content in the address, so that browsers keep them.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use super::{error::WebError, extract::Path};
use crate::text::fnv::fnv1a;

/// A file of ours.
#[derive(Debug)]
pub(super) struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

/// How pages look.
pub(super) static STYLE: Asset = Asset {
    name: "wirewatch.css",
    content_type: "text/css; charset=utf-8",
    bytes: include_bytes!("static/wirewatch.css"),
};

/// What moves on them.
pub(super) static SCRIPT: Asset = Asset {
    name: "wirewatch.js",
    content_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("static/wirewatch.js"),
};

/// What stops a page that grows.
pub(super) static GROWING: Asset = Asset {
    name: "growing.js",
    content_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("static/growing.js"),
};

/// The mark in the tab.
pub(super) static ICON: Asset = Asset {
    name: "wirewatch.svg",
    content_type: "image/svg+xml",
    bytes: include_bytes!("static/wirewatch.svg"),
};

impl Asset {
    /// Its address, another one for every content.
    pub(super) fn path(&self) -> String {
        format!("/static/{}/{}", self.hash(), self.name)
    }

    fn hash(&self) -> String {
        format!("{:016x}", fnv1a(self.bytes))
    }
}

/// Answers with the file. A page of another version of this program asks by another hash: it gets the present file,
/// which nothing may keep under that address.
pub(super) async fn serve(
    Path((hash, name)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let asset = [&STYLE, &SCRIPT, &GROWING, &ICON]
        .into_iter()
        .find(|asset| asset.name == name)
        .ok_or(WebError::NotFound("file"))?;
    let caching = if hash == asset.hash() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, caching),
    ];
    Ok((headers, asset.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_has_another_address() {
        assert_ne!(STYLE.path(), SCRIPT.path());
        assert!(STYLE.path().ends_with("/wirewatch.css"));
    }
}
