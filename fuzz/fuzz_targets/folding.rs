//! Any text folds; what is folded stays as it is; words lie on character boundaries, with shortcuts or without.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewatch::text::{
    fold::{fold, offset_of_folded},
    html,
    words::Words,
};

fuzz_target!(|text: &str| {
    let folded = fold(text);
    assert_eq!(fold(&folded), folded);
    for bytes in [0, 1, folded.len() / 2, folded.len(), folded.len() + 1] {
        assert!(text.is_char_boundary(offset_of_folded(text, bytes)));
    }
    let (words, slowly) = (Words::of(text), Words::of_slowly(text));
    assert_eq!(words.list.len(), slowly.list.len());
    let mut from = 0;
    for (word, other) in words.list.iter().zip(&slowly.list) {
        let range = word.start as usize..word.end as usize;
        assert!(range.start >= from && range.end > range.start);
        assert!(text.get(range.clone()).is_some());
        from = range.end;
        assert_eq!(words.folded(word), slowly.folded(other));
        assert_eq!(
            (word.start, word.end, word.paragraph, word.sentence, word.kind, word.glued),
            (other.start, other.end, other.paragraph, other.sentence, other.kind, other.glued)
        );
    }
    let plain = html::plain(text);
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!html::title(text).contains('\n'));
});
