//! An order to the desk as a form or a script sends it: which stories, what to do, where to go then.

use crate::{
    domain::{
        DeskChangeId, StoryId,
        desk::{LONGEST_NOTE, PassReason, Wish, piece_link},
    },
    web::{error::WebError, local_path},
};

/// The most stories, or changes, of one order.
const MOST: usize = 200;

/// What is to be done with which stories.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) stories: Vec<StoryId>,
    pub(super) what: What,
    /// The last change of the desk that the page has heard of; none if it does not say.
    pub(super) heard: Option<i64>,
    /// A path of ours to go to then.
    pub(super) next: String,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Wish(Wish),
    Note(String),
}

/// The fields of a form, each of which may be sent once, but for those that are lists.
#[derive(Default)]
struct Fields<'a> {
    list: Vec<i64>,
    action: Option<&'a str>,
    reason: Option<&'a str>,
    link: Option<&'a str>,
    to: Option<&'a str>,
    text: Option<&'a str>,
    heard: Option<&'a str>,
    next: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn read(fields: &'a [(String, String)], list: &str) -> Result<Self, WebError> {
        let mut read = Self::default();
        for (name, value) in fields {
            let field = match name.as_str() {
                "do" => &mut read.action,
                "reason" => &mut read.reason,
                "link" => &mut read.link,
                "to" => &mut read.to,
                "text" => &mut read.text,
                "heard" => &mut read.heard,
                "next" => &mut read.next,
                name if name == list => {
                    let number = value
                        .parse()
                        .map_err(|_| bad(&format!("“{name}” is to be a number.")))?;
                    read.list.push(number);
                    continue;
                }
                _ => return Err(bad("The form has a field that it should not have.")),
            };
            if field.replace(value.as_str()).is_some() {
                return Err(bad("The form has a field twice."));
            }
        }
        if read.list.is_empty() {
            return Err(bad("Choose at least one story."));
        }
        if read.list.len() > MOST {
            return Err(bad("Choose at most 200 stories at a time."));
        }
        Ok(read)
    }

    fn next(&self) -> String {
        local_path::or_board(self.next.unwrap_or("/"))
    }
}

fn bad(what: &str) -> WebError {
    WebError::BadRequest(what.to_owned())
}

impl Order {
    /// Reads an order.
    ///
    /// # Errors
    /// It makes no sense; what about it.
    pub(super) fn read(fields: &[(String, String)]) -> Result<Self, WebError> {
        let fields = Fields::read(fields, "story")?;
        let filled = |field: Option<&str>| field.unwrap_or_default().trim().to_owned();
        let what = match fields.action {
            Some("claim") => What::Wish(Wish::Claim),
            Some("release") => What::Wish(Wish::Release),
            Some("watch") => What::Wish(Wish::Watch),
            Some("use") => {
                let link = filled(fields.link);
                let link = (!link.is_empty()).then(|| piece_link(&link)).transpose();
                What::Wish(Wish::Use(link.map_err(|error| bad(&sentence(&error)))?))
            }
            Some("pass") => {
                let reason: PassReason = filled(fields.reason)
                    .parse()
                    .map_err(|error| bad(&sentence(&error)))?;
                What::Wish(Wish::Pass(reason))
            }
            Some("assign") => {
                let name = filled(fields.to);
                let name = (!name.is_empty()).then(|| name.parse()).transpose();
                What::Wish(Wish::Assign(
                    name.map_err(|_| bad("There is no colleague of that name."))?,
                ))
            }
            Some("note") => What::Note(note(&filled(fields.text), fields.list.len())?),
            _ => {
                return Err(bad(
                    "“do” is to be claim, release, use, pass, watch, assign or note.",
                ));
            }
        };
        let heard = fields.heard.map(str::parse).transpose();
        Ok(Self {
            next: fields.next(),
            heard: heard.map_err(|_| bad("“heard” is to be a number."))?,
            stories: fields.list.into_iter().map(StoryId::new).collect(),
            what,
        })
    }
}

fn note(text: &str, stories: usize) -> Result<String, WebError> {
    if text.is_empty() {
        return Err(bad("A note needs a text."));
    }
    if text.chars().count() > LONGEST_NOTE {
        return Err(bad("A note has at most 4,000 letters."));
    }
    if text.contains('\0') {
        return Err(bad("The note holds a character that no text has."));
    }
    if stories > 1 {
        return Err(bad("A note is written about one story."));
    }
    Ok(text.replace("\r\n", "\n"))
}

/// An error as a sentence.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

/// Reads which changes are to be taken back, and where to go then.
///
/// # Errors
/// It makes no sense; what about it.
pub(super) fn read_undo(
    fields: &[(String, String)],
) -> Result<(Vec<DeskChangeId>, String), WebError> {
    let fields = Fields::read(fields, "change")?;
    let next = fields.next();
    Ok((
        fields.list.into_iter().map(DeskChangeId::new).collect(),
        next,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str) -> Result<Order, WebError> {
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes())
            .into_owned()
            .collect();
        Order::read(&fields)
    }

    #[test]
    fn orders_are_read() {
        for (form, stories, what) in [
            ("story=1&do=claim", 1, What::Wish(Wish::Claim)),
            (
                "story=1&story=2&do=pass&reason=not+ours",
                2,
                What::Wish(Wish::Pass(PassReason::NotOurs)),
            ),
            ("story=1&do=use&link=", 1, What::Wish(Wish::Use(None))),
            (
                "story=1&do=use&link=https%3A%2F%2Fours.example%2F",
                1,
                What::Wish(Wish::Use(Some("https://ours.example/".to_owned()))),
            ),
            ("story=1&do=assign&to=", 1, What::Wish(Wish::Assign(None))),
            (
                "story=1&do=note&text=a%0D%0Ab",
                1,
                What::Note("a\nb".to_owned()),
            ),
        ] {
            let order = read(form);
            assert!(
                order
                    .as_ref()
                    .is_ok_and(|order| order.stories.len() == stories && order.what == what),
                "{form}: {order:?}"
            );
        }
    }

    #[test]
    fn an_order_that_makes_no_sense_is_refused() {
        let many = "story=1&".repeat(201) + "do=claim";
        let long = format!("story=1&do=note&text={}", "a".repeat(4_001));
        for form in [
            "do=claim",
            "story=1",
            "story=x&do=claim",
            "story=1&do=steal",
            "story=1&do=claim&do=pass",
            "story=1&do=claim&role=admin",
            "story=1&do=pass",
            "story=1&do=pass&reason=bored",
            "story=1&do=claim&heard=all",
            "story=1&do=use&link=javascript:alert(1)",
            "story=1&do=assign&to=<b>",
            "story=1&do=note&text=",
            "story=1&do=note&text=a%00",
            "story=1&story=2&do=note&text=a",
            &many,
            &long,
        ] {
            assert!(
                matches!(read(form), Err(WebError::BadRequest(_))),
                "{form:.60}"
            );
        }
    }

    #[test]
    fn the_way_on_stays_here() {
        let next = |form: &str| read(form).map(|order| order.next).unwrap_or_default();
        assert_eq!(next("story=1&do=claim&next=/stories/1"), "/stories/1");
        assert_eq!(next("story=1&do=claim&next=//evil.example"), "/");
    }
}
