//! Whether one report is a copy of another: the same text, whatever headline and outlet stand above it.

use serde::Serialize;

use super::{report::Traits, tuning, vector};

/// Why two reports are taken for one text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// The headlines are the same but for slugs and the outlet's name, and the texts do not speak against it.
    Headline,
    /// The texts share runs of words: so many of those of the shorter text, between 0 and 1.
    Text {
        /// Share of the shorter text.
        containment: f32,
    },
    /// The same headline over texts that share less.
    HeadlineAndText {
        /// Share of the shorter text.
        containment: f32,
    },
}

/// The evidence that `a` and `b` are one text; none if they are not.
#[must_use]
pub fn compare(a: &Traits, b: &Traits) -> Option<Evidence> {
    let is_near = a.at == 0 || b.at == 0 || (a.at - b.at).abs() <= tuning::COPY_WINDOW;
    if !is_near || tells_other_numbers(a, b) {
        return None;
    }
    let has_headline = same_headline(a, b);
    if a.text_words.min(b.text_words) < tuning::MIN_COPY_WORDS {
        return (has_headline && !is_series(a, b)).then_some(Evidence::Headline);
    }
    let (shared, containment) = containment(&a.shingles, &b.shingles);
    if shared >= tuning::MIN_SHARED_SHINGLES
        && containment >= tuning::COPY_CONTAINMENT
        && !is_standing_text(a, b)
    {
        return Some(Evidence::Text { containment });
    }
    (has_headline && containment >= tuning::COPY_CONTAINMENT_SAME_HEADLINE)
        .then_some(Evidence::HeadlineAndText { containment })
}

/// Whether what two reports of one outlet share may stand under all of its headlines: a line about the outlet, or a call to
/// subscribe, is short. To take it for a copy would cost the news.
fn is_standing_text(a: &Traits, b: &Traits) -> bool {
    is_of_one_outlet(a, b)
        && a.title_key != b.title_key
        && a.text_words.min(b.text_words) < tuning::MIN_STANDING_WORDS
}

/// Whether an outlet may have used a headline again: it has one for each day's news in brief.
fn is_series(a: &Traits, b: &Traits) -> bool {
    let is_dated = a.at != 0 && b.at != 0;
    is_dated && is_of_one_outlet(a, b) && (a.at - b.at).abs() > tuning::SAME_HEADLINE_WITHIN
}

fn is_of_one_outlet(a: &Traits, b: &Traits) -> bool {
    a.outlet != 0 && a.outlet == b.outlet
}

/// Headlines that differ in nothing but their numbers: another issue of a series, or the toll has risen. Either is news,
/// however much of the text stands still.
fn tells_other_numbers(a: &Traits, b: &Traits) -> bool {
    a.title_shape == b.title_shape && a.title_key != b.title_key
}

/// Equal headlines that are long enough to be no accident.
fn same_headline(a: &Traits, b: &Traits) -> bool {
    let least = if a.is_unspaced {
        tuning::MIN_HEADLINE_CHARACTERS
    } else {
        tuning::MIN_HEADLINE_WORDS
    };
    a.title_key == b.title_key && a.title_words >= least
}

/// How many hashes two sorted lists share, and the share of the shorter list.
#[expect(clippy::cast_precision_loss, reason = "a few hundred hashes")]
fn containment(one: &[u32], other: &[u32]) -> (u32, f32) {
    let shared: u32 = vector::side_by_side(one, other, |hash| *hash)
        .map(|(left, right)| u32::from(left.is_some() && right.is_some()))
        .sum();
    let shorter = one.len().min(other.len()).max(1);
    (shared, shared as f32 / shorter as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Timestamp, story::report::Report};

    const HOUR: i64 = 3_600_000_000;
    const STANDING: &str = "Stay informed with the latest breaking news and analysis from around the world on our site.";

    fn traits(title: &str, text: &str, outlet: &str, at: i64) -> Traits {
        Traits::of(&Report {
            title,
            text,
            outlet,
            language: Some("en"),
            at: Some(Timestamp::from_micros(1_800_000_000_000_000 + at)),
            concepts: &[],
        })
    }

    #[test]
    fn what_stands_under_every_headline_of_an_outlet_makes_no_copy() {
        let one = traits("Iran launches satellite", STANDING, "Harbour Wire", 0);
        let other = traits("Tehran mayor resigns", STANDING, "Harbour Wire", HOUR);
        assert_eq!(compare(&one, &other), None);
        let again = traits("Iran launches satellite", STANDING, "Coast Herald", HOUR);
        assert!(compare(&one, &again).is_some());
        // A text under a corrected headline is long enough to be that text.
        let text = STANDING.to_owned()
            + " The rocket carried three payloads into orbit on Tuesday, the ministry \
            said, and a second launch is planned before winter from the same site in the northern desert.";
        let one = traits("Iran launches satellite", &text, "Harbour Wire", 0);
        let corrected = traits(
            "Iran puts satellite into orbit",
            &text,
            "Harbour Wire",
            HOUR,
        );
        assert!(compare(&one, &corrected).is_some());
    }

    #[test]
    fn a_headline_that_an_outlet_uses_each_day_makes_no_copy() {
        let title = "North Korea news in brief from our desk";
        let monday = traits(title, "", "Harbour Wire", 0);
        assert_eq!(
            compare(&monday, &traits(title, "", "Harbour Wire", 24 * HOUR)),
            None
        );
        assert!(compare(&monday, &traits(title, "", "Harbour Wire", HOUR)).is_some());
        assert!(compare(&monday, &traits(title, "", "Coast Herald", 24 * HOUR)).is_some());
    }
}
