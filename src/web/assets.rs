//! Style, script and icon: compiled in, with a hash of their content in the address, so that browsers keep them.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use super::{error::WebError, extract::Path};

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

/// FNV-1a, 64 bits: tells versions of a file apart; it protects nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Answers with the file. A page of another version of this program asks by another hash: it gets the present file,
/// which nothing may keep under that address.
pub(super) async fn serve(
    Path((hash, name)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let asset = [&STYLE, &SCRIPT, &ICON]
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
        // The value for "a" is from the reference list of the algorithm's authors.
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(STYLE.path(), SCRIPT.path());
        assert!(STYLE.path().ends_with("/wirewatch.css"));
    }
}
