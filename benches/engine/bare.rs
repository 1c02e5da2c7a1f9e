//! The yardstick: a pass over an article that decodes, lower-cases and hashes words, and does nothing else.

use crate::articles::Article;

/// Lower-case letters by character, 0 for what is no part of a word: one look for each character of the first plane.
pub(crate) struct Bare {
    letters: Vec<u32>,
    hashes: Vec<u64>,
}

impl Bare {
    pub(crate) fn new() -> Self {
        let letter = |code: u32| {
            char::from_u32(code)
                .filter(|c| c.is_alphanumeric())
                .and_then(|c| c.to_lowercase().next())
                .map_or(0, u32::from)
        };
        Self {
            letters: (0..0x1_0000).map(letter).collect(),
            hashes: Vec::new(),
        }
    }

    /// Hashes the words of an article. Returns how many there are, and something that depends on every one of them.
    pub(crate) fn pass(&mut self, article: &Article) -> (usize, u64) {
        self.hashes.clear();
        for text in [&article.title, &article.text] {
            self.words(text);
        }
        let all = self.hashes.iter().fold(0, |all, hash| all ^ hash);
        (self.hashes.len(), all)
    }

    fn words(&mut self, text: &str) {
        let mut hash = 0_u64;
        for c in text.chars() {
            let letter = self.letters.get(c as usize).copied().unwrap_or(0);
            if letter != 0 {
                hash =
                    (hash.rotate_left(5) ^ u64::from(letter)).wrapping_mul(0x517C_C1B7_2722_0A95);
            } else if hash != 0 {
                self.hashes.push(hash);
                hash = 0;
            }
        }
        if hash != 0 {
            self.hashes.push(hash);
        }
    }
}
