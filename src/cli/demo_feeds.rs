//! The feeds of `wirewatch demo`: invented outlets that never stop writing, served by the process itself.
//!
//! Everything is a function of the start and the present: the same two instants give the same documents, so nothing is
//! stored and nothing has to run in the background. Each outlet has a little history at the start; after that the
//! outlets take turns, one report every five seconds, each built from a written text and a word list.

mod format;
mod pages;
mod writing;

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::domain::{BeatFeed, BeatSource, FeedUrl, FeedUrlError, Timestamp};

use format::{Item, http_date};
use writing::{Manner, Outlet, Texts};

pub(crate) use pages::router;

/// Between two reports, all outlets together.
const STEP: Duration = Duration::from_secs(5);
/// Between two reports of one outlet before the start.
const HISTORY_STEP: Duration = Duration::from_hours(4);
/// How long ago a silent outlet wrote last.
const SILENCE: Duration = Duration::from_hours(35 * 24);
/// Reports in one document.
const WINDOW: usize = 20;
/// A wire's every third report is printed by the outlets that copy it.
const COPIED_EVERY: u64 = 3;
/// How long a broken outlet stays in one way of being broken.
const BREAKAGE_STEP: Duration = Duration::from_secs(40);
/// Between two reports of an overloaded outlet, and how many its feed shows.
const OVERLOADED_STEP: Duration = Duration::from_secs(10);
const OVERLOADED_WINDOW: usize = 5;
/// An overloaded outlet is out of reach for the end of each of these.
const OVERLOADED_ROUND: Duration = Duration::from_mins(5);
const OVERLOADED_FOR: Duration = Duration::from_secs(110);
/// How long after writing a headline is corrected, and which ones are.
const CORRECTED_AFTER: Duration = Duration::from_secs(30);
const CORRECTED_EVERY: u64 = 2;

/// The invented outlets at work since one instant, under one address.
#[derive(Debug)]
pub(crate) struct DemoFeeds {
    started: Timestamp,
    base: String,
    outlets: Vec<Outlet>,
    texts: Texts,
}

/// What a demo feed answers at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoDocument {
    /// HTTP status.
    pub(crate) status: u16,
    /// The `Content-Type` header.
    pub(crate) content_type: String,
    /// The body as sent, in the outlet's own encoding.
    pub(crate) body: Vec<u8>,
    /// The `ETag` header, quoted.
    pub(crate) etag: Option<String>,
    /// The `Last-Modified` header.
    pub(crate) last_modified: Option<String>,
}

/// One report as printed by one outlet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    /// Last part of its address.
    name: String,
    title: String,
    text: String,
    written: Timestamp,
}

impl DemoFeeds {
    /// Outlets that have a history at `started` and write from then on; `base` is the address that [`router`] answers
    /// under, such as `http://127.0.0.1:4001`.
    ///
    /// # Errors
    ///
    /// If the embedded texts are not in their format.
    pub(crate) fn new(started: Timestamp, base: &str) -> Result<Self, toml::de::Error> {
        Ok(Self {
            started: Timestamp::from_micros(started.as_micros().div_euclid(1_000_000) * 1_000_000),
            base: base.trim_end_matches('/').to_owned(),
            outlets: Outlet::all()?,
            texts: Texts::all()?,
        })
    }

    /// The outlets as a beat's sources, one feed each.
    ///
    /// # Errors
    ///
    /// If the base address makes no feed address.
    pub(crate) fn sources(&self) -> Result<Vec<BeatSource>, FeedUrlError> {
        self.outlets
            .iter()
            .map(|outlet| self.source(outlet))
            .collect()
    }

    fn source(&self, outlet: &Outlet) -> Result<BeatSource, FeedUrlError> {
        let url: FeedUrl = format!("{}/feeds/{}", self.base, outlet.slug).parse()?;
        Ok(BeatSource {
            slug: outlet.slug.clone(),
            name: outlet.name.clone(),
            domain: outlet.domain.clone(),
            country: outlet.country.clone(),
            language: Some(outlet.language.clone()),
            tier: outlet.tier,
            tags: outlet.tags.clone(),
            note: "Invented for the demonstration.".to_owned(),
            feeds: vec![BeatFeed::at(url)],
        })
    }

    /// What the feed of the outlet `feed` (its slug) answers at `now`; none if there is no such outlet.
    #[must_use]
    pub(crate) fn document(&self, feed: &str, now: Timestamp) -> Option<DemoDocument> {
        let index = self.outlet_index(feed)?;
        let outlet = self.outlets.get(index)?;
        if outlet.manner == Manner::Broken
            && let Some(breakage) = self.breakage(now)
        {
            return Some(breakage);
        }
        if outlet.manner == Manner::Overloaded && self.is_out_of_reach(now) {
            return Some(unavailable(503, b"Too busy"));
        }
        let reports = self.reports(index, now);
        let items: Vec<Item<'_>> = reports
            .iter()
            .map(|report| Item {
                url: self.article_url(outlet, &report.name),
                title: &report.title,
                text: &report.text,
                written: report.written,
            })
            .collect();
        let body = format::render(outlet, &self.base, &items);
        Some(DemoDocument {
            status: 200,
            content_type: format::content_type(outlet),
            etag: Some(etag_of(&body)),
            last_modified: reports.first().map(|report| http_date(report.written)),
            body,
        })
    }

    /// What the outlet prints at `now`, newest first.
    fn reports(&self, index: usize, now: Timestamp) -> Vec<Report> {
        let manner = self.outlets.get(index).map(|outlet| outlet.manner);
        let window = if manner == Some(Manner::Overloaded) {
            OVERLOADED_WINDOW as u64
        } else {
            WINDOW as u64
        };
        let newest = self.latest(index, now);
        let mut reports: Vec<Report> = (newest.saturating_sub(window) + 1..=newest)
            .filter_map(|number| self.own_report(index, number))
            .collect();
        if manner == Some(Manner::Correcting) {
            for report in &mut reports {
                correct(report, now);
            }
        }
        if let Some(wire) = self.wire_of(index) {
            let newest = self.latest(wire, now);
            let first = newest.saturating_sub(window * COPIED_EVERY) + 1;
            reports.extend(
                (first..=newest)
                    .filter_map(|number| self.copied_report(index, wire, number))
                    .filter(|copy| copy.written <= now),
            );
        }
        reports.sort_by_key(|report| std::cmp::Reverse(report.written));
        reports.truncate(WINDOW);
        reports
    }

    /// The report at `/articles/{outlet}/{name}`, with the outlet, once it is written.
    fn article(&self, slug: &str, name: &str, now: Timestamp) -> Option<(&Outlet, Report)> {
        let index = self.outlet_index(slug)?;
        let mut report = if let Ok(number) = name.parse() {
            self.own_report(index, number)
        } else {
            let (wire, number) = name.rsplit_once('-')?;
            let wire = self
                .outlet_index(wire)
                .filter(|&wire| self.wire_of(index) == Some(wire))?;
            self.copied_report(index, wire, number.parse().ok()?)
        }?;
        let outlet = self.outlets.get(index)?;
        if outlet.manner == Manner::Correcting {
            correct(&mut report, now);
        }
        (report.written <= now).then_some((outlet, report))
    }

    fn own_report(&self, index: usize, number: u64) -> Option<Report> {
        let outlet = self.outlets.get(index)?;
        let (rank, of) = self.rank(index);
        let composed = self.texts.compose(outlet, number, rank, of)?;
        Some(Report {
            name: number.to_string(),
            title: composed.title,
            text: composed.text,
            written: self.written_at(index, number)?,
        })
    }

    /// The wire's report as another outlet prints it: later, credited, at its own address.
    fn copied_report(&self, index: usize, wire: usize, number: u64) -> Option<Report> {
        if !number.is_multiple_of(COPIED_EVERY) {
            return None;
        }
        let original = self.own_report(wire, number)?;
        let wire = self.outlets.get(wire)?;
        Some(Report {
            name: format!("{}-{number}", wire.slug),
            title: original.title,
            text: format!("{} ({})", original.text, wire.name),
            written: original
                .written
                .plus(STEP * (3 + u32::try_from(index).unwrap_or(0))),
        })
    }

    /// When the outlet writes its report `number`; none for a number that it never reaches.
    fn written_at(&self, index: usize, number: u64) -> Option<Timestamp> {
        let history = history_of(index);
        if number == 0 {
            return None;
        }
        let silent = self.outlets.get(index)?.manner == Manner::Silent;
        if number <= history {
            let back = u32::try_from(history - number).ok()?;
            let stagger =
                Duration::from_mins(3) + Duration::from_mins(7) * u32::try_from(index).ok()?;
            let written = self.started.minus(HISTORY_STEP * back).minus(stagger);
            return Some(if silent {
                written.minus(SILENCE)
            } else {
                written
            });
        }
        if silent {
            return None;
        }
        if self.outlets.get(index)?.manner == Manner::Overloaded {
            let step = u32::try_from(number - history).ok()?;
            return Some(self.started.plus(OVERLOADED_STEP.saturating_mul(step)));
        }
        let turn = u32::try_from(number - history - 1).ok()?;
        Some(
            self.started
                .plus(self.first_turn(index))
                .plus(self.round().saturating_mul(turn)),
        )
    }

    /// The number of the outlet's newest report at `now`.
    fn latest(&self, index: usize, now: Timestamp) -> u64 {
        let history = history_of(index);
        let manner = self.outlets.get(index).map(|outlet| outlet.manner);
        let silent = manner.is_none_or(|manner| manner == Manner::Silent);
        if manner == Some(Manner::Overloaded) {
            return history + now.since(self.started).as_secs() / OVERLOADED_STEP.as_secs();
        }
        match now.since(self.started).checked_sub(self.first_turn(index)) {
            Some(since_first) if !silent => {
                history + 1 + since_first.as_secs() / self.round().as_secs().max(1)
            }
            _ => history,
        }
    }

    /// From the start to the outlet's first turn.
    fn first_turn(&self, index: usize) -> Duration {
        let turn = index % self.lively_count();
        STEP * (1 + u32::try_from(turn).unwrap_or(0))
    }

    /// Between two turns of one outlet.
    fn round(&self) -> Duration {
        STEP * u32::try_from(self.lively_count()).unwrap_or(1)
    }

    fn lively_count(&self) -> usize {
        self.outlets
            .iter()
            .filter(|outlet| matches!(outlet.manner, Manner::Lively | Manner::Correcting))
            .count()
            .max(1)
    }

    /// Where the outlet stands among those of its language, and how many they are.
    fn rank(&self, index: usize) -> (u64, u64) {
        let same = |outlet: &&Outlet| {
            self.outlets
                .get(index)
                .is_some_and(|one| one.language == outlet.language)
        };
        let before = self.outlets.iter().take(index).filter(same).count();
        let all = self.outlets.iter().filter(same).count();
        (before as u64, all as u64)
    }

    fn wire_of(&self, index: usize) -> Option<usize> {
        self.outlet_index(self.outlets.get(index)?.copies.as_deref()?)
    }

    fn outlet_index(&self, slug: &str) -> Option<usize> {
        self.outlets.iter().position(|outlet| outlet.slug == slug)
    }

    fn article_url(&self, outlet: &Outlet, name: &str) -> String {
        format!("{}/articles/{}/{name}", self.base, outlet.slug)
    }

    /// Whether an overloaded outlet does not answer.
    fn is_out_of_reach(&self, now: Timestamp) -> bool {
        let round = OVERLOADED_ROUND.as_secs();
        now.since(self.started).as_secs() % round >= round - OVERLOADED_FOR.as_secs()
    }

    /// What a broken outlet serves instead of its feed; nothing in the first while, so that it has been seen to work.
    fn breakage(&self, now: Timestamp) -> Option<DemoDocument> {
        let step = now.since(self.started).as_secs() / BREAKAGE_STEP.as_secs();
        let (status, content_type, body): (u16, &str, &[u8]) = match step {
            0 => return None,
            _ if step % 3 == 1 => (
                200,
                "text/html; charset=utf-8",
                b"<!doctype html><title>Back soon</title><p>We are moving house.",
            ),
            _ if step % 3 == 2 => (500, "text/plain; charset=utf-8", b"Internal error"),
            _ => (
                200,
                "application/rss+xml",
                b"\x00\x01\xff\xfe<rss><chan\x00nel]]>&&&",
            ),
        };
        Some(DemoDocument {
            status,
            content_type: content_type.to_owned(),
            body: body.to_vec(),
            etag: None,
            last_modified: None,
        })
    }
}

fn unavailable(status: u16, body: &[u8]) -> DemoDocument {
    DemoDocument {
        status,
        content_type: "text/plain; charset=utf-8".to_owned(),
        body: body.to_vec(),
        etag: None,
        last_modified: None,
    }
}

/// The report as it stands at `now`: some headlines are corrected a while after they were written.
fn correct(report: &mut Report, now: Timestamp) {
    let is_corrected = report
        .name
        .parse::<u64>()
        .is_ok_and(|number| number.is_multiple_of(CORRECTED_EVERY));
    if is_corrected && now.since(report.written) > CORRECTED_AFTER {
        report.title = format!("{} (corrected)", report.title);
    }
}

/// Reports that an outlet has written before the start.
const fn history_of(index: usize) -> u64 {
    6 + (index % 4) as u64
}

fn etag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let short = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
    format!("\"{short:016x}\"")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use writing::{Desk, Format};

    const BASE: &str = "http://127.0.0.1:4001";

    fn start() -> Timestamp {
        Timestamp::from_micros(1_795_000_000_000_000)
    }

    fn demo() -> DemoFeeds {
        DemoFeeds::new(start(), BASE).unwrap()
    }

    fn decoded(outlet: &Outlet, document: &DemoDocument) -> String {
        let encoding = encoding_rs::Encoding::for_label(outlet.encoding.as_bytes()).unwrap();
        let (text, _, had_errors) = encoding.decode(&document.body);
        assert!(!had_errors, "{} is not in its encoding", outlet.slug);
        text.into_owned()
    }

    /// Titles in a well-formed document.
    fn titles(outlet: &Outlet, text: &str) -> Vec<String> {
        if outlet.format == Format::Json {
            let feed: serde_json::Value = serde_json::from_str(text).unwrap();
            let items = feed
                .get("items")
                .and_then(|items| items.as_array())
                .unwrap();
            return items
                .iter()
                .map(|item| item["title"].as_str().unwrap().to_owned())
                .collect();
        }
        let mut reader = quick_xml::Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        let (mut depth, mut in_item, mut in_title, mut titles) = (0_i32, false, false, Vec::new());
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Start(tag) => {
                    depth += 1;
                    in_item |= matches!(tag.local_name().as_ref(), "item" | "entry");
                    in_title = in_item && tag.local_name().as_ref() == "title";
                    if in_title {
                        titles.push(String::new());
                    }
                }
                quick_xml::events::Event::End(tag) => {
                    depth -= 1;
                    in_item &= !matches!(tag.local_name().as_ref(), "item" | "entry");
                    in_title = false;
                }
                quick_xml::events::Event::Text(part) if in_title => {
                    titles.last_mut().unwrap().push_str(&part);
                }
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0, "{} is not closed", outlet.slug);
        titles
    }

    #[test]
    fn an_overloaded_outlet_loses_reports_and_a_correcting_one_changes_headlines() {
        let demo = demo();
        let later = |seconds| start().plus(Duration::from_secs(seconds));
        let numbers = |seconds| -> Vec<u64> {
            let index = demo.outlet_index("quayside-ticker").unwrap();
            let reports = demo.reports(index, later(seconds));
            reports
                .iter()
                .map(|one| one.name.parse().unwrap())
                .collect()
        };
        let status = |seconds| {
            demo.document("quayside-ticker", later(seconds))
                .unwrap()
                .status
        };
        assert_eq!((status(180), status(250), status(300)), (200, 503, 200));
        let (before, after) = (numbers(189), numbers(300));
        assert!(after.iter().min() > before.iter().max().map(|last| last + 1).as_ref());

        let index = demo.outlet_index("second-edition").unwrap();
        let corrected = |seconds| {
            let reports = demo.reports(index, later(seconds));
            reports
                .iter()
                .filter(|one| one.title.ends_with("(corrected)"))
                .count()
        };
        assert!(corrected(600) > 5);
        assert!(corrected(600) < demo.reports(index, later(600)).len());
    }

    #[test]
    fn every_document_is_well_formed_in_its_encoding_and_starts_with_five_to_twelve_reports() {
        let demo = demo();
        for outlet in &demo.outlets {
            let document = demo.document(&outlet.slug, start()).unwrap();
            let count = titles(outlet, &decoded(outlet, &document)).len();
            assert!((5..=12).contains(&count), "{}: {count}", outlet.slug);
            assert_eq!(document.status, 200);
        }
    }

    #[test]
    fn documents_grow_and_keep_their_etag_between_two_reports() {
        let demo = demo();
        let index = demo.outlet_index("harbour-wire").unwrap();
        let outlet = demo.outlets.get(index).unwrap();
        let at = |seconds| {
            demo.document("harbour-wire", start().plus(Duration::from_secs(seconds)))
                .unwrap()
        };
        assert_eq!(at(0), at(4));
        assert_ne!(at(4).etag, at(5).etag);
        let (before, after) = (
            titles(outlet, &decoded(outlet, &at(4))),
            titles(outlet, &decoded(outlet, &at(400))),
        );
        assert!(after.len() > before.len());
        assert!(before.iter().all(|title| after.contains(title)));
    }

    #[test]
    fn a_new_report_appears_every_five_seconds() {
        let demo = demo();
        let count = |seconds| -> u64 {
            let now = start().plus(Duration::from_secs(seconds));
            (0..demo.outlets.len())
                .filter(|&index| {
                    matches!(
                        demo.outlets[index].manner,
                        Manner::Lively | Manner::Correcting
                    )
                })
                .map(|index| demo.latest(index, now))
                .sum()
        };
        for second in 0..200 {
            assert_eq!(count(second + 5) - count(second), 1, "from second {second}");
        }
    }

    #[test]
    fn the_newest_report_is_never_in_the_future_and_the_next_one_is() {
        let demo = demo();
        for index in 0..demo.outlets.len() {
            for seconds in [0, 1, 79, 80, 81, 3_600] {
                let now = start().plus(Duration::from_secs(seconds));
                let latest = demo.latest(index, now);
                assert!(demo.written_at(index, latest).unwrap() <= now);
                assert!(
                    demo.written_at(index, latest + 1)
                        .is_none_or(|next| next > now)
                );
            }
        }
    }

    #[test]
    fn reports_are_written_in_their_order() {
        let demo = demo();
        for index in 0..demo.outlets.len() {
            let written: Vec<_> = (1..60)
                .map_while(|number| demo.written_at(index, number))
                .collect();
            assert!(written.is_sorted(), "{}", demo.outlets[index].slug);
        }
    }

    #[test]
    fn titles_never_repeat_but_in_copies() {
        let demo = demo();
        let mut seen = BTreeSet::new();
        for index in 0..demo.outlets.len() {
            for number in 1..400 {
                if let Some(report) = demo.own_report(index, number) {
                    assert!(
                        seen.insert(report.title.clone()),
                        "{} repeats {}",
                        demo.outlets[index].slug,
                        report.title
                    );
                }
            }
        }
    }

    #[test]
    fn no_placeholder_is_left_in_a_report() {
        let demo = demo();
        for index in 0..demo.outlets.len() {
            for number in 1..60 {
                if let Some(report) = demo.own_report(index, number) {
                    assert!(
                        !format!("{}{}", report.title, report.text).contains(['{', '}']),
                        "{}",
                        report.title
                    );
                }
            }
        }
    }

    #[test]
    fn a_copy_follows_its_original_at_another_address() {
        let demo = demo();
        let now = start().plus(Duration::from_mins(10));
        let originals = demo.reports(demo.outlet_index("harbour-wire").unwrap(), now);
        let printer = demo.outlet_index("coast-herald").unwrap();
        let copies: Vec<_> = demo
            .reports(printer, now)
            .into_iter()
            .filter(|report| report.name.starts_with("harbour-wire-"))
            .collect();
        assert!(copies.len() >= 2);
        for copy in copies {
            let original = originals
                .iter()
                .find(|original| original.title == copy.title)
                .unwrap();
            assert!(copy.written > original.written);
            assert!(copy.text.starts_with(&original.text) && copy.text.ends_with("(Harbour Wire)"));
            assert_eq!(
                demo.article("coast-herald", &copy.name, now).unwrap().1,
                copy
            );
        }
    }

    #[test]
    fn the_silent_outlet_has_written_nothing_for_weeks_and_never_will() {
        let demo = demo();
        let month = Duration::from_hours(30 * 24);
        let index = demo.outlet_index("lighthouse-quarterly").unwrap();
        assert!(
            demo.reports(index, start())
                .iter()
                .all(|report| report.written < start().minus(month))
        );
        assert_eq!(
            demo.document("lighthouse-quarterly", start()),
            demo.document("lighthouse-quarterly", start().plus(month))
        );
    }

    #[test]
    fn the_broken_outlet_starts_as_a_feed_and_then_is_a_page_an_error_and_noise() {
        let demo = demo();
        let at = |seconds| {
            demo.document("gale-gazette", start().plus(Duration::from_secs(seconds)))
                .unwrap()
        };
        assert!(at(0).body.starts_with(b"<?xml"));
        assert!(at(45).body.starts_with(b"<!doctype html>"));
        assert_eq!(at(85).status, 500);
        assert!(at(125).body.starts_with(b"\0"));
    }

    #[test]
    fn every_language_format_and_tier_of_voice_is_there() {
        let demo = demo();
        let languages: BTreeSet<&str> = demo
            .outlets
            .iter()
            .map(|o| o.language.split('-').next().unwrap())
            .collect();
        assert_eq!(
            languages,
            BTreeSet::from(["ar", "en", "fa", "ja", "ko", "ru", "zh"])
        );
        for format in [
            Format::Rss2,
            Format::Rss092,
            Format::Rdf,
            Format::Atom,
            Format::Json,
        ] {
            assert!(
                demo.outlets.iter().any(|outlet| outlet.format == format),
                "{format:?}"
            );
        }
        assert!(demo.outlets.iter().any(|outlet| outlet.encoding != "utf-8"));
        assert!(
            demo.outlets
                .iter()
                .any(|outlet| outlet.desk == Desk::Official)
        );
        assert!(demo.outlets.len() >= 12);
    }

    #[test]
    fn sources_have_unique_slugs_and_addresses_under_the_base() {
        let sources = demo().sources().unwrap();
        let urls: BTreeSet<&str> = sources
            .iter()
            .flat_map(|source| &source.feeds)
            .map(|feed| feed.url.as_str())
            .collect();
        let slugs: BTreeSet<&str> = sources.iter().map(|source| source.slug.as_str()).collect();
        assert_eq!((urls.len(), slugs.len()), (sources.len(), sources.len()));
        assert!(urls.iter().all(|url| url.starts_with(BASE)));
    }

    #[test]
    fn an_article_that_is_not_written_yet_or_not_copied_has_no_page() {
        let demo = demo();
        for (outlet, name) in [
            ("harbour-wire", "400"),
            ("harbour-wire", "0"),
            ("harbour-wire", "x"),
            ("coast-herald", "harbour-wire-4"),
            ("coast-herald", "seohae-3"),
            ("nobody", "1"),
        ] {
            assert!(
                demo.article(outlet, name, start()).is_none(),
                "{outlet}/{name}"
            );
        }
    }
}
