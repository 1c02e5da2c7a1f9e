//! The fields of a form that say how a page without a feed is read as a list: what cannot be read is told by its field.

use crate::{domain::ListSelectors, pipeline::page, web::reading};

/// A selector as a form holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SelectorField {
    /// The name of the field.
    pub(super) name: &'static str,
    /// What people call it.
    pub(super) label: &'static str,
    /// What is typed in it.
    pub(super) value: String,
    /// Why no poll could read it.
    pub(super) flaw: Option<String>,
}

/// The fields, with these names and what is in them: of the item, the title, the link, the date and the summary.
pub(super) fn fields(names: [&'static str; 5], selectors: &ListSelectors) -> Vec<SelectorField> {
    let texts = reading::current().texts;
    let labels = [
        texts.selector_item,
        texts.selector_title,
        texts.selector_link,
        texts.selector_date,
        texts.selector_summary,
    ];
    let values = [
        Some(&selectors.item),
        selectors.title.as_ref(),
        selectors.link.as_ref(),
        selectors.date.as_ref(),
        selectors.summary.as_ref(),
    ];
    let flaws = page::flaws(selectors);
    names
        .into_iter()
        .zip(labels)
        .zip(values.into_iter().zip(flaws))
        .map(|((name, label), (value, flaw))| {
            let value = value.cloned().unwrap_or_default();
            SelectorField {
                name,
                label,
                // An empty field asks for what is usual; whether it may be empty is another matter.
                flaw: flaw.filter(|_| !value.is_empty()),
                value,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_that_no_poll_could_read_is_told_by_its_field() {
        let selectors = ListSelectors {
            item: "li[".to_owned(),
            title: Some("h2".to_owned()),
            link: Some("a@href".to_owned()),
            date: Some("@datetime".to_owned()),
            summary: None,
        };
        let fields = fields(["a", "b", "c", "d", "e"], &selectors);
        let told: Vec<&str> = fields
            .iter()
            .filter(|field| field.flaw.is_some())
            .map(|field| field.name)
            .collect();
        assert_eq!(told, ["a", "d"], "{fields:?}");
        assert_eq!(
            super::fields(["a"; 5], &ListSelectors::default())[0].flaw,
            None
        );
    }
}
