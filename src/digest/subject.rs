//! The subject of an edition: what it is about and how much is in it, for a list of mails.

use crate::domain::digest::Edition;

/// `Iran–DPRK link: 3 new, 1 developing — Tue 24 Nov`. With several issues a day the time follows the date.
pub(super) fn of(edition: &Edition, several_a_day: bool) -> String {
    let date = edition.key.date.strftime("%a %-d %b");
    let time = if several_a_day {
        format!(" {}", edition.key.slot)
    } else {
        String::new()
    };
    format!("{}: {} — {date}{time}", edition.name, count(edition))
}

/// How much is in it, in words. What does not fit into the mail counts.
pub(super) fn count(edition: &Edition) -> String {
    let lines = || edition.lines().filter(|line| !line.is_struck);
    let developing = lines().filter(|line| line.told_on.is_some()).count();
    let new = lines().count() - developing;
    match (new, developing) {
        (0, 0) => "nothing new".to_owned(),
        (0, _) => format!("{developing} developing"),
        (_, 0) => format!("{new} new"),
        _ => format!("{new} new, {developing} developing"),
    }
}
