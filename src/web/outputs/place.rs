//! Where the newest articles of a keyword go on, as it stands in an address: `news.412.77` behind the article 77 that came to
//! match with number 412, `history.1795507200000000.77` behind one of that date in microseconds.

use crate::{
    domain::{ArticleId, Timestamp},
    store::article_stream::NewestPlace,
    web::{
        error::WebError,
        search::{FAR_FUTURE_MICROS, FAR_PAST_MICROS},
    },
};

/// A place as an answer names it.
pub(super) fn written(place: NewestPlace) -> String {
    match place {
        NewestPlace::News(arrival, article) => format!("news.{arrival}.{article}"),
        NewestPlace::History(at, article) => format!("history.{}.{article}", at.as_micros()),
    }
}

/// The place that an address names; none: from the newest on.
pub(super) fn read(before: &str) -> Result<Option<NewestPlace>, WebError> {
    if before.is_empty() {
        return Ok(None);
    }
    let place = parsed(before).ok_or_else(|| {
        WebError::BadRequest("“before” is not a place that an answer went on from.".to_owned())
    })?;
    Ok(Some(place))
}

fn parsed(before: &str) -> Option<NewestPlace> {
    let (part, place) = before.split_once('.')?;
    let (number, article) = place.split_once('.')?;
    let number: i64 = number.parse().ok()?;
    let article = ArticleId::new(article.parse().ok()?);
    match part {
        "news" => Some(NewestPlace::News(number, article)),
        "history" => {
            let micros = number.clamp(FAR_PAST_MICROS, FAR_FUTURE_MICROS);
            Some(NewestPlace::History(
                Timestamp::from_micros(micros),
                article,
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let article = ArticleId::new(77);
        for place in [
            NewestPlace::News(412, article),
            NewestPlace::History(Timestamp::from_micros(-5), article),
        ] {
            assert_eq!(read(&written(place)).unwrap(), Some(place));
        }
        assert_eq!(read("").unwrap(), None);
        for junk in [
            "news",
            "news.1",
            "news.x.1",
            "old.1.1",
            "5.6",
            "news.1.1.1",
            "news..1",
        ] {
            assert!(read(junk).is_err(), "{junk}");
        }
        let beyond = read("history.9223372036854775807.1").unwrap();
        let far = Timestamp::from_micros(FAR_FUTURE_MICROS);
        assert_eq!(beyond, Some(NewestPlace::History(far, ArticleId::new(1))));
    }
}
