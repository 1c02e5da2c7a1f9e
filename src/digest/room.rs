//! Who has the room of an edition.

/// How many of each count fit if they take one each in turn until `room` is used up.
pub(super) fn shares(counts: &[usize], room: usize) -> Vec<usize> {
    let mut shares = vec![0; counts.len()];
    let mut left = room;
    while left > 0 {
        let before = left;
        for (share, count) in shares.iter_mut().zip(counts) {
            if left > 0 && *share < *count {
                *share += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    shares
}
