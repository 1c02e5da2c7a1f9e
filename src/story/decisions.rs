//! What the desk decided: which reports belong together and which do not, whatever the words say.

use super::fnv::FnvMap;

/// Links by key of report; both ends know each other.
#[derive(Debug, Default, Clone)]
pub struct Decisions {
    together: FnvMap<i64, Vec<i64>>,
    apart: FnvMap<i64, Vec<i64>>,
}

impl Decisions {
    /// Two reports belong to one story.
    pub fn link(&mut self, a: i64, b: i64) {
        unpair(&mut self.apart, a, b);
        pair(&mut self.together, a, b);
    }

    /// Two reports belong to different stories.
    pub fn part(&mut self, a: i64, b: i64) {
        unpair(&mut self.together, a, b);
        pair(&mut self.apart, a, b);
    }

    /// Takes both kinds of decision about two reports back.
    pub fn forget(&mut self, a: i64, b: i64) {
        unpair(&mut self.together, a, b);
        unpair(&mut self.apart, a, b);
    }

    /// The reports that belong to the story of this one.
    #[must_use]
    pub fn together_with(&self, key: i64) -> &[i64] {
        self.together.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Whether any reports are kept apart.
    #[must_use]
    pub fn has_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// The reports that must not share a story with this one.
    #[must_use]
    pub fn apart_from(&self, key: i64) -> &[i64] {
        self.apart.get(&key).map_or(&[], Vec::as_slice)
    }
}

fn pair(links: &mut FnvMap<i64, Vec<i64>>, a: i64, b: i64) {
    for (from, to) in [(a, b), (b, a)] {
        let ends = links.entry(from).or_default();
        if from != to && !ends.contains(&to) {
            ends.push(to);
        }
    }
}

fn unpair(links: &mut FnvMap<i64, Vec<i64>>, a: i64, b: i64) {
    for (from, to) in [(a, b), (b, a)] {
        if let Some(ends) = links.get_mut(&from) {
            ends.retain(|end| *end != to);
            if ends.is_empty() {
                links.remove(&from);
            }
        }
    }
}
