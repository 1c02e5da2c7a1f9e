//! Who a request says it comes from and goes to: no other site gets a yes, and no name but our own gets into a page.

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use wirewatch::{
    domain::Role,
    web::{ROUTES, WebOptions},
};

use super::access::filled;
use crate::{
    feed_server::{Document, FeedServer, rss},
    site::{Site, ask},
    worker::TestWorker,
};

async fn newsroom() -> (TestWorker, Site, String) {
    let publisher = FeedServer::start().await;
    publisher.put("/feed", Document::feed(rss(&[("a", "Iran", "x")])));
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("iran", "iran")]).await;
    worker.pass().await;
    let site = Site::with(&worker.db, worker.clock.clone(), WebOptions::default()).await;
    let chief = site.account("chief", Role::Admin).await;
    let cookie = site.session_of(chief).await;
    (worker, site, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_lets_another_site_read_or_ask_ahead() {
    let (_worker, site, cookie) = newsroom().await;
    for route in ROUTES {
        let path = filled(route.path).replace("999", "1");
        for origin in ["https://news.example", "null", "http://127.0.0.1:1"] {
            for method in [Method::OPTIONS, Method::GET] {
                let answer = site
                    .bare_request(method.clone(), &path)
                    .header("cookie", &cookie)
                    .header("origin", origin)
                    .header("sec-fetch-site", "cross-site")
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "authorization")
                    .send()
                    .await
                    .unwrap();
                let told = answer
                    .headers()
                    .keys()
                    .find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(told, None, "{method} {path} for {origin}");
                if method == Method::OPTIONS {
                    assert!(answer.status().is_client_error(), "{path}");
                }
            }
        }
    }
}

/// The whole answer to bytes that no well-behaved client sends.
async fn raw(site: &Site, request: &str) -> String {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(crate::site::PATIENCE, reading)
        .await
        .expect("the answer ends");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_two_names_or_for_another_one_gets_nothing() {
    let (_worker, site, cookie) = newsroom().await;
    let own = site.address.to_string();
    let rest = format!("Cookie: {cookie}\r\nConnection: close\r\n\r\n");
    for head in [
        format!("GET /articles/1 HTTP/1.1\r\nHost: {own}\r\nHost: news.example\r\n"),
        format!("GET /articles/1 HTTP/1.1\r\nHost: news.example\r\nHost: {own}\r\n"),
        format!("GET http://news.example/articles/1 HTTP/1.1\r\nHost: {own}\r\n"),
        "GET /articles/1 HTTP/1.1\r\nHost: news.example\r\n".to_owned(),
        "GET /articles/1 HTTP/1.0\r\n".to_owned(),
    ] {
        let answer = raw(&site, &format!("{head}{rest}")).await;
        let status = answer.get(9..12).unwrap_or_default().to_owned();
        assert!(matches!(&*status, "400" | "403"), "{head}: {answer}");
        assert!(!answer.contains("news.example/"), "{head}: {answer}");
    }
    let fine = format!("GET /articles/1 HTTP/1.1\r\nHost: {own}\r\n{rest}");
    assert!(raw(&site, &fine).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_stranger_forwards_get_into_no_page() {
    let (_worker, site, cookie) = newsroom().await;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        if route.path == "/events" {
            continue;
        }
        let path = filled(route.path).replace("999", "1");
        let request = site
            .bare_request(Method::GET, &path)
            .header("cookie", &cookie)
            .header("x-forwarded-host", "news.example")
            .header("x-forwarded-server", "news.example")
            .header("x-forwarded-prefix", "//news.example")
            .header("forwarded", "host=news.example;proto=https");
        let answer = ask(request).await;
        let says = answer.body.replace("https://news.example/a", "");
        assert!(!says.contains("news.example"), "{path}: {}", answer.body);
        assert!(
            !answer.header("location").contains("news.example"),
            "{path}"
        );
    }
}
