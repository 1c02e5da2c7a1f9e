//! How one text became another, word by word.
//!
//! Words are those of [`Words`], so the difference is as fine as words are in each script: a character of Chinese, a word
//! of Arabic. What stands between words belongs to neither.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::words::Words;

/// Beyond so many words and gaps that differ, paragraphs are compared instead.
const MOST_TOKENS: usize = 4_000;

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It stands in both.
    Same,
    /// It stood in the earlier text.
    Gone,
    /// It stands in the later text.
    Come,
}

/// A piece of the two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What became of it.
    pub change: Change,
    /// Its letters.
    pub text: String,
}

/// The pieces of both texts in their order: those that are not `Come` make up `before`, those not `Gone` make up `after`.
#[must_use]
pub fn diff(before: &str, after: &str) -> Vec<Piece> {
    let (old, new) = (tokens(before), tokens(after));
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let same_end = old[same_start..]
        .iter()
        .rev()
        .zip(new[same_start..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_mid, new_mid) = (
        &old[same_start..old.len() - same_end],
        &new[same_start..new.len() - same_end],
    );
    let mut pieces = Pieces::default();
    pieces.same(&old[..same_start].concat());
    if old_mid.len().max(new_mid.len()) > MOST_TOKENS {
        compare(&paragraphs(old_mid), &paragraphs(new_mid), &mut pieces);
    } else {
        compare(old_mid, new_mid, &mut pieces);
    }
    pieces.same(&old[old.len() - same_end..].concat());
    pieces.finish()
}

/// Words, and what stands between them.
fn tokens(text: &str) -> Vec<&str> {
    let mut words = Words::default();
    words.read(text);
    let mut tokens = Vec::with_capacity(words.list.len() * 2 + 1);
    let mut end = 0;
    for word in &words.list {
        let (start, stop) = (word.start as usize, word.end as usize);
        // A word of two readings stands twice at one place.
        if start < end {
            continue;
        }
        gap(&text[end..start], &mut tokens);
        tokens.push(&text[start..stop]);
        end = stop;
    }
    gap(&text[end..], &mut tokens);
    tokens
}

/// What stands between words, a token a character: a full stop that stays is not a full stop and space that changed.
fn gap<'a>(text: &'a str, tokens: &mut Vec<&'a str>) {
    tokens.extend(text.split_inclusive(|_: char| true));
}

/// Tokens in paragraphs.
fn paragraphs(tokens: &[&str]) -> Vec<String> {
    tokens
        .split_inclusive(|token| *token == "\n")
        .map(<[&str]>::concat)
        .collect()
}

fn compare<T: AsRef<str> + std::hash::Hash + Ord>(old: &[T], new: &[T], pieces: &mut Pieces) {
    let text = |tokens: &[T]| -> String { tokens.iter().map(AsRef::as_ref).collect() };
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        match op {
            DiffOp::Equal { old_index, len, .. } => {
                pieces.same(&text(&old[old_index..old_index + len]));
            }
            DiffOp::Delete {
                old_index, old_len, ..
            } => pieces.gone(&text(&old[old_index..old_index + old_len])),
            DiffOp::Insert {
                new_index, new_len, ..
            } => pieces.come(&text(&new[new_index..new_index + new_len])),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => {
                pieces.gone(&text(&old[old_index..old_index + old_len]));
                pieces.come(&text(&new[new_index..new_index + new_len]));
            }
        }
    }
}

/// Pieces as people read them: what changed in a row is one piece that goes and one that comes, and a space between two
/// changes is part of both.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    gone: String,
    come: String,
    /// Nothing visible, between changes.
    held: String,
}

impl Pieces {
    fn same(&mut self, text: &str) {
        let is_between = !(self.gone.is_empty() && self.come.is_empty());
        if is_between && !text.contains('\n') && !text.chars().any(char::is_alphanumeric) {
            self.held.push_str(text);
            return;
        }
        self.settle();
        self.push(Change::Same, text);
    }

    fn gone(&mut self, text: &str) {
        self.join();
        self.gone.push_str(text);
    }

    fn come(&mut self, text: &str) {
        self.join();
        self.come.push_str(text);
    }

    /// What is held turns out to lie between changes.
    fn join(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.gone.push_str(&held);
        self.come.push_str(&held);
    }

    fn settle(&mut self) {
        let (gone, come) = (
            std::mem::take(&mut self.gone),
            std::mem::take(&mut self.come),
        );
        let held = std::mem::take(&mut self.held);
        self.push(Change::Gone, &gone);
        self.push(Change::Come, &come);
        self.push(Change::Same, &held);
    }

    fn push(&mut self, change: Change, text: &str) {
        match self.done.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.change == change => last.text.push_str(text),
            _ => self.done.push(Piece {
                change,
                text: text.to_owned(),
            }),
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.settle();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `[-gone-]` and `{+come+}`.
    fn told(before: &str, after: &str) -> String {
        diff(before, after)
            .into_iter()
            .map(|Piece { change, text }| match change {
                Change::Same => text,
                Change::Gone => format!("[-{text}-]"),
                Change::Come => format!("{{+{text}+}}"),
            })
            .collect()
    }

    #[test]
    fn a_difference_is_as_fine_as_words_are() {
        for (before, after, expected) in [
            ("Talks resume.", "Talks fail.", "Talks [-resume-]{+fail+}."),
            (
                "북한은 5명 파견",
                "북한은 7명 파견",
                "북한은 [-5-]{+7+}명 파견",
            ),
            (
                "伊朗与朝鲜合作",
                "伊朗和朝鲜合作",
                "伊朗[-与-]{+和+}朝鲜合作",
            ),
            (
                "تحریم‌های تازه ایران",
                "تحریم‌های جدید ایران",
                "تحریم‌های [-تازه-]{+جدید+} ایران",
            ),
            (
                "Five ships, six men",
                "Nine boats, six men",
                "[-Five ships-]{+Nine boats+}, six men",
            ),
            ("same", "same", "same"),
            ("", "all new", "{+all new+}"),
        ] {
            assert_eq!(told(before, after), expected);
        }
    }

    proptest! {
        #[test]
        fn the_pieces_make_up_both_texts(before in "([ab. \n中북]|ایران| ){0,12}", after in "([ab. \n中북]|ایران| ){0,12}") {
            let pieces = diff(&before, &after);
            let without = |change| -> String {
                pieces.iter().filter(|piece| piece.change != change).map(|piece| piece.text.as_str()).collect()
            };
            prop_assert_eq!(without(Change::Come), before);
            prop_assert_eq!(without(Change::Gone), after);
        }
    }
}
