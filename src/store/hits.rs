//! Hits as they stand in `matches.hits`.

use serde_json::Value;

use crate::domain::Hit;

/// The hits in a stored list. One that cannot be read is left out: a mark less is better than a page less.
pub(super) fn from_json(stored: Value) -> Vec<Hit> {
    let Value::Array(hits) = stored else {
        return Vec::new();
    };
    hits.into_iter()
        .filter_map(|hit| serde_json::from_value(hit).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Field;

    #[test]
    fn a_hit_that_cannot_be_read_takes_no_other_with_it() {
        let stored = json!([
            {"field": "title", "start": 0, "end": 4, "text": "Iran"},
            {"field": "margin", "start": 0, "end": 4, "text": "Iran"},
            {"field": "content", "start": 2, "end": 8, "text": "북한", "concept": "North Korea"},
        ]);
        let hits = from_json(stored);
        assert_eq!(
            hits.iter().map(|hit| hit.field).collect::<Vec<_>>(),
            [Field::Title, Field::Content]
        );
        assert_eq!(hits[1].concept.as_deref(), Some("North Korea"));
    }

    #[test]
    fn anything_but_a_list_holds_no_hits() {
        assert_eq!(from_json(json!({"field": "title"})), []);
    }
}
