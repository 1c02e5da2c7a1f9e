//! Documents of real publishers through the whole river. They are not ours to carry along, so `WIREWATCH_CORPORA` names the
//! folder that holds them; without it these tests say that they were skipped.

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use crate::{
    feed_server::{Document, FeedServer},
    worker::{TestWorker, corpora},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_real_feed_is_read_once_and_answers_304_the_second_time() {
    let Some(folder) = corpora() else { return };
    let publisher = FeedServer::start().await;
    let mut feeds = Vec::new();
    for file in fs::read_dir(folder.join("feeds/real")).unwrap() {
        let file = file.unwrap();
        let path = format!("/{}", file.file_name().into_string().unwrap());
        publisher.put(&path, Document::feed(fs::read(file.path()).unwrap()));
        feeds.push(publisher.url(&path));
    }
    let worker = TestWorker::new(&feeds, &[("all", "*")]).await;
    let first = worker.pass().await;
    assert_eq!((first.polled, first.failed), (feeds.len() as u64, 0));
    assert_eq!(
        worker.count("matches").await,
        i64::try_from(first.new_articles).unwrap()
    );
    assert_eq!(worker.count("backlog").await, 0);
    let second = worker.pass_a_day_later().await;
    assert_eq!(
        (second.unchanged, second.new_entries),
        (feeds.len() as u64, 0)
    );
}

/// Captures whose count of updates differs from the index, which compares raw text: there only white space changed.
const ONLY_WHITE_SPACE: &[(&str, i64)] = &[("cnn/036_", -1), ("straitstimes/006_", -1)];

#[tokio::test(flavor = "multi_thread")]
async fn successive_captures_of_one_feed_give_the_articles_and_updates_of_their_index() {
    let Some(folder) = corpora() else { return };
    let folder = folder.join("feeds/sequences");
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let mut outlets: BTreeMap<&str, Vec<(&str, i64, i64)>> = BTreeMap::new();
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let outlet = columns[0].split('/').next().unwrap();
        let row = (
            columns[0],
            columns[7].parse().unwrap(),
            columns[8].parse().unwrap(),
        );
        outlets.entry(outlet).or_default().push(row);
    }
    for captures in outlets.into_values() {
        replay(&folder, &captures).await;
    }
}

async fn replay(folder: &Path, captures: &[(&str, i64, i64)]) {
    let publisher = FeedServer::start().await;
    let worker = TestWorker::new(&[publisher.url("/feed")], &[("all", "*")]).await;
    let mut articles = 0;
    for (file, new, updated) in captures {
        let mut body = Vec::new();
        let packed = fs::File::open(folder.join(file)).unwrap();
        flate2::read::GzDecoder::new(packed)
            .read_to_end(&mut body)
            .unwrap();
        publisher.put("/feed", Document::feed(body).without_etag());
        worker.pass_a_day_later().await;
        articles += new;
        assert_eq!(
            worker.count("articles").await,
            articles,
            "articles after {file}"
        );
        let spaces = ONLY_WHITE_SPACE
            .iter()
            .find(|(name, _)| file.starts_with(name));
        let expected = updated + spaces.map_or(0, |(_, difference)| *difference);
        let last = "(SELECT * FROM fetch_log ORDER BY started_at DESC LIMIT 1) AS last, generate_series(1, last.changed)";
        assert_eq!(worker.count(last).await, expected, "updates in {file}");
    }
}
