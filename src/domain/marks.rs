//! Hits in their text: which letters are marked, and which part of a long text is worth showing.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Field, Hit};

/// Letters before the first hit of a passage.
const LEAD: usize = 70;

/// Letters of a passage.
const PASSAGE: usize = 260;

/// A piece of text, marked or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The letters.
    pub text: String,
    /// Whether a hit covers them.
    pub is_hit: bool,
    /// The concept that the hit stands for, if its letters do not say so to a reader of Latin script.
    pub gloss: Option<String>,
}

/// What a hit in another script stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gloss {
    /// The letters found.
    pub text: String,
    /// The concept's name.
    pub concept: String,
}

/// The text in pieces, in order and whole, with the hits of `field` marked.
///
/// A hit that does not lie in the text, or no longer says what the text says there, marks nothing; of two that overlap
/// the earlier one holds.
#[must_use]
pub fn marked(text: &str, field: Field, hits: &[Hit]) -> Vec<Segment> {
    marked_within(text, 0..text.len(), field, hits)
}

/// As [`marked`], for the part `within` of the text.
fn marked_within(text: &str, within: Range<usize>, field: Field, hits: &[Hit]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut shown_to = within.start;
    for (range, hit) in standing(text, field, hits) {
        if range.start < shown_to || range.end > within.end {
            continue;
        }
        push_plain(&mut segments, text.get(shown_to..range.start));
        shown_to = range.end;
        segments.push(Segment {
            text: hit.text.clone(),
            is_hit: true,
            gloss: gloss(hit).map(|gloss| gloss.concept),
        });
    }
    push_plain(&mut segments, text.get(shown_to..within.end));
    segments
}

fn push_plain(segments: &mut Vec<Segment>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        segments.push(Segment {
            text: text.to_owned(),
            ..Segment::default()
        });
    }
}

/// The hits of a field that say what the text says, in order of place.
fn standing<'a>(text: &str, field: Field, hits: &'a [Hit]) -> Vec<(Range<usize>, &'a Hit)> {
    let mut standing: Vec<_> = hits
        .iter()
        .filter(|hit| hit.field == field)
        .filter_map(|hit| {
            Some((
                usize::try_from(hit.start).ok()?..usize::try_from(hit.end).ok()?,
                hit,
            ))
        })
        .filter(|(range, hit)| {
            !range.is_empty() && text.get(range.clone()) == Some(hit.text.as_str())
        })
        .collect();
    standing.sort_by_key(|(range, _)| (range.start, range.end));
    standing
}

/// The passage of summary or content that shows what the headline does not: around the first hit that the headline
/// lacks. Empty if the headline has them all.
#[must_use]
pub fn passage(summary: &str, content: &str, hits: &[Hit]) -> Vec<Segment> {
    [(Field::Summary, summary), (Field::Content, content)]
        .into_iter()
        .find_map(|(field, text)| {
            let (first, _) = standing(text, field, hits)
                .into_iter()
                .find(|(_, hit)| !is_in_headline(hit, hits))?;
            Some(around(text, &first, field, hits))
        })
        .unwrap_or_default()
}

/// Whether the headline shows the same thing: a hit of the same concept, or of the same letters.
fn is_in_headline(hit: &Hit, hits: &[Hit]) -> bool {
    hits.iter()
        .filter(|other| other.field == Field::Title)
        .any(|other| match (&other.concept, &hit.concept) {
            (Some(one), Some(another)) => one == another,
            _ => other.text.to_lowercase() == hit.text.to_lowercase(),
        })
}

/// The text around a hit, inside its paragraph, cut between words where there are any.
fn around(text: &str, hit: &Range<usize>, field: Field, hits: &[Hit]) -> Vec<Segment> {
    let paragraph = paragraph_around(text, hit);
    let before = text.get(paragraph.start..hit.start).unwrap_or_default();
    let start = before
        .char_indices()
        .rev()
        .nth(LEAD)
        .map_or(paragraph.start, |(at, _)| {
            let cut = before.get(at..).unwrap_or_default();
            paragraph.start + at + cut.find(' ').map_or(0, |space| space + 1)
        });
    let after = text.get(start..paragraph.end).unwrap_or_default();
    let end = after
        .char_indices()
        .nth(PASSAGE)
        .map_or(paragraph.end, |(at, _)| {
            let cut = after.get(..at).unwrap_or_default();
            start
                + cut
                    .rfind(' ')
                    .filter(|space| start + space >= hit.end)
                    .unwrap_or(at)
        });
    let end = end.max(hit.end);
    let mut segments = marked_within(text, start..end, field, hits);
    let ellipsis = || Segment {
        text: "…".to_owned(),
        ..Segment::default()
    };
    if start > paragraph.start {
        segments.insert(0, ellipsis());
    }
    if end < paragraph.end {
        segments.push(ellipsis());
    }
    segments
}

fn paragraph_around(text: &str, hit: &Range<usize>) -> Range<usize> {
    let start = text
        .get(..hit.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let end = text
        .get(hit.end..)
        .and_then(|after| after.find('\n'))
        .map_or(text.len(), |at| hit.end + at);
    start..end
}

/// What the hits in other scripts stand for, each concept once by the first of its letters, at most six.
#[must_use]
pub fn glosses(hits: &[Hit]) -> Vec<Gloss> {
    let mut glosses: Vec<Gloss> = Vec::new();
    for gloss in hits.iter().filter_map(gloss) {
        if glosses.iter().all(|known| known.concept != gloss.concept) {
            glosses.push(gloss);
        }
        if glosses.len() == 6 {
            break;
        }
    }
    glosses
}

fn gloss(hit: &Hit) -> Option<Gloss> {
    let concept = hit.concept.as_ref().filter(|_| !is_latin(&hit.text))?;
    Some(Gloss {
        text: hit.text.clone(),
        concept: concept.clone(),
    })
}

/// Whether all letters belong to the blocks of Latin script.
fn is_latin(text: &str) -> bool {
    text.chars().filter(|letter| letter.is_alphabetic()).all(|letter| {
        matches!(letter, '\u{0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' | '\u{FF21}'..='\u{FF5A}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(field: Field, start: u32, text: &str) -> Hit {
        let end = start + u32::try_from(text.len()).unwrap_or_default();
        Hit {
            field,
            start,
            end,
            text: text.to_owned(),
            concept: None,
        }
    }

    fn of(concept: &str, hit: Hit) -> Hit {
        Hit {
            concept: Some(concept.to_owned()),
            ..hit
        }
    }

    /// The segments with marks as brackets.
    fn shown(segments: &[Segment]) -> String {
        segments
            .iter()
            .map(|segment| {
                if segment.is_hit {
                    format!("[{}]", segment.text)
                } else {
                    segment.text.clone()
                }
            })
            .collect()
    }

    #[test]
    fn hits_are_marked_in_order_of_place() {
        let hits = [
            hit(Field::Title, 13, "Iran"),
            hit(Field::Title, 0, "Seoul"),
            hit(Field::Summary, 0, "Seoul"),
        ];
        assert_eq!(
            shown(&marked("Seoul warns, Iran answers", Field::Title, &hits)),
            "[Seoul] warns, [Iran] answers"
        );
    }

    #[test]
    fn stale_broken_and_overlapping_hits_mark_nothing_and_break_nothing() {
        let text = "북한 대표단, 이란 방문";
        let hits = [
            hit(Field::Title, 0, "북한"),
            hit(Field::Title, 0, "북한 대표단"),
            hit(Field::Title, 1, "한"),
            hit(Field::Title, 900, "이란"),
            hit(Field::Title, 18, "북한"),
            Hit {
                end: 2,
                ..hit(Field::Title, 5, "x")
            },
            Hit {
                start: u32::MAX,
                end: u32::MAX,
                ..hit(Field::Title, 0, "")
            },
        ];
        assert_eq!(
            shown(&marked(text, Field::Title, &hits)),
            "[북한] 대표단, 이란 방문"
        );
        assert_eq!(marked("", Field::Title, &hits), []);
    }

    #[test]
    fn nothing_of_the_text_is_lost_whatever_the_hits() {
        let text = "a é 北 ک z";
        for start in 0..16 {
            for end in 0..16 {
                let letters = usize::try_from(start).ok().zip(usize::try_from(end).ok());
                let letters = letters
                    .and_then(|(start, end)| text.get(start..end))
                    .unwrap_or("?")
                    .to_owned();
                let hits = [Hit {
                    field: Field::Title,
                    start,
                    end,
                    text: letters,
                    concept: None,
                }];
                let whole: String = marked(text, Field::Title, &hits)
                    .into_iter()
                    .map(|segment| segment.text)
                    .collect();
                assert_eq!(whole, text);
            }
        }
    }

    #[test]
    fn a_passage_shows_what_the_headline_lacks() {
        let summary = "Officials from Tehran met engineers on Monday.";
        let in_summary = of("Iran", hit(Field::Summary, 15, "Tehran"));
        assert_eq!(
            shown(&passage(summary, "", std::slice::from_ref(&in_summary))),
            summary.replace("Tehran", "[Tehran]")
        );
        let hits = [in_summary, of("Iran", hit(Field::Title, 0, "Iran"))];
        assert_eq!(passage(summary, "", &hits), []);
    }

    #[test]
    fn a_passage_is_cut_between_words_and_inside_its_paragraph() {
        let before = "word ".repeat(40);
        let after = " more".repeat(80);
        let text = format!("First paragraph.\n{before}Iran{after}\nLast paragraph.");
        let start = u32::try_from(text.find("Iran").unwrap_or_default()).unwrap_or_default();
        let passage = shown(&passage("", &text, &[hit(Field::Content, start, "Iran")]));
        assert!(
            passage.starts_with("…word ") && passage.ends_with(" more…"),
            "{passage}"
        );
        assert!(
            passage.contains("[Iran]") && !passage.contains("paragraph"),
            "{passage}"
        );
    }

    #[test]
    fn a_passage_without_spaces_is_cut_between_letters() {
        let text = format!("{}伊朗{}", "前".repeat(100), "后".repeat(400));
        let passage = shown(&passage(&text, "", &[hit(Field::Summary, 300, "伊朗")]));
        assert!(
            passage.starts_with('…') && passage.contains("[伊朗]") && passage.ends_with('…'),
            "{passage}"
        );
        assert!(passage.chars().count() < PASSAGE + 10);
    }

    #[test]
    fn hits_in_other_scripts_are_glossed_once() {
        let hits = [
            of("North Korea", hit(Field::Title, 0, "북한")),
            of("North Korea", hit(Field::Summary, 0, "북한")),
            of("North Korea", hit(Field::Summary, 9, "평양")),
            of("Iran", hit(Field::Title, 9, "Téhéran")),
            hit(Field::Title, 20, "이란"),
        ];
        assert_eq!(
            glosses(&hits),
            [Gloss {
                text: "북한".to_owned(),
                concept: "North Korea".to_owned()
            }]
        );
    }
}
