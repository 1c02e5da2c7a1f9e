//! Headlines of events that have nothing in common, so that each is a story of its own.

/// Twenty-four of them; each has a text that names Iran.
pub(crate) const HEADLINES: [&str; 24] = [
    "Nuclear envoys meet in Geneva about inspections",
    "Oman signs a pipeline contract worth billions",
    "Share prices close higher after a cut of rates",
    "Customs officers stop a vessel with whisky",
    "Footballers travel to Jakarta on a hospital boat",
    "Earthquake damages vineyards near the border",
    "Museum returns bronze statues to Lima",
    "Teachers strike over pensions in three provinces",
    "Satellite photographs show a widened runway",
    "Court frees a journalist on bail",
    "Drought empties the reservoirs of the south",
    "Bakers ask for cheaper flour before the holidays",
    "Divers find a wreck with porcelain",
    "Parliament postpones the vote on the budget",
    "Chess champion withdraws from Olympiad",
    "Railway opens a tunnel through the mountains",
    "Hackers leak the mails of a shipyard",
    "Doctors warn of counterfeit insulin",
    "Airline orders forty freighters",
    "Saffron harvest falls by half",
    "Minister resigns after a quarrel about dams",
    "Orchestra tours Patagonia with folk songs",
    "Smugglers hid turbines under oranges",
    "Students build a telescope from scrap",
];

/// The items of a feed with the first `count` of them.
pub(crate) fn items(count: usize) -> Vec<(String, String, String)> {
    HEADLINES
        .iter()
        .take(count)
        .enumerate()
        .map(|(number, title)| {
            let text = format!("{}, a report about Iran says.", title.to_lowercase());
            (format!("item-{number}"), (*title).to_owned(), text)
        })
        .collect()
}

/// The document of such a feed.
pub(crate) fn document(count: usize) -> crate::feed_server::Document {
    let items = items(count);
    let items: Vec<(&str, &str, &str)> = items
        .iter()
        .map(|(guid, title, text)| (guid.as_str(), title.as_str(), text.as_str()))
        .collect();
    crate::feed_server::Document::feed(crate::feed_server::rss(&items))
}
