//! What months, zones and halves of the day are called, folded as [`crate::text::fold`] folds.

use super::calendar::Calendar;

/// Zones by their abbreviations, in minutes east of Greenwich. Where one stands for several, the one of RFC 2822, then
/// the one that feeds mean.
const ZONES: [(&str, i32); 68] = [
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("wet", 0),
    ("at", -240),
    ("ast", -240),
    ("adt", -180),
    ("et", -300),
    ("est", -300),
    ("edt", -240),
    ("ct", -360),
    ("cst", -360),
    ("cdt", -300),
    ("mt", -420),
    ("mst", -420),
    ("mdt", -360),
    ("pt", -480),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("nst", -210),
    ("ndt", -150),
    ("brt", -180),
    ("art", -180),
    ("clt", -240),
    ("bst", 60),
    ("west", 60),
    ("wat", 60),
    ("cet", 60),
    ("met", 60),
    ("cest", 120),
    ("mest", 120),
    ("mez", 60),
    ("mesz", 120),
    ("cat", 120),
    ("sast", 120),
    ("eet", 120),
    ("eest", 180),
    ("eat", 180),
    ("idt", 180),
    ("trt", 180),
    ("msk", 180),
    ("мск", 180),
    ("msd", 240),
    ("irst", 210),
    ("irdt", 270),
    ("gst", 240),
    ("aft", 270),
    ("pkt", 300),
    ("uzt", 300),
    ("ist", 330),
    ("npt", 345),
    ("wib", 420),
    ("ict", 420),
    ("hkt", 480),
    ("sgt", 480),
    ("myt", 480),
    ("pht", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
];

/// Months of our calendar, by the first letters of their names.
const MONTHS: [(&str, i8); 190] = [
    // English, and what is shared with it
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
    // Romance
    ("ene", 1),
    ("abr", 4),
    ("ago", 8),
    ("dic", 12),
    ("gen", 1),
    ("ian", 1),
    ("fev", 2),
    ("avr", 4),
    ("mag", 5),
    ("mai", 5),
    ("juin", 6),
    ("giu", 6),
    ("iun", 6),
    ("juil", 7),
    ("lug", 7),
    ("iul", 7),
    ("aou", 8),
    ("set", 9),
    ("ott", 10),
    ("out", 10),
    ("noi", 11),
    ("dez", 12),
    // Germanic
    ("okt", 10),
    ("mei", 5),
    ("maj", 5),
    ("mrt", 3),
    ("maart", 3),
    ("des", 12),
    // Polish
    ("sty", 1),
    ("lut", 2),
    ("kwi", 4),
    ("cze", 6),
    ("lip", 7),
    ("sie", 8),
    ("wrz", 9),
    ("paz", 10),
    ("lis", 11),
    ("gru", 12),
    // Czech
    ("led", 1),
    ("uno", 2),
    ("bre", 3),
    ("dub", 4),
    ("kve", 5),
    ("cerven", 6),
    ("cervenc", 7),
    ("cervenec", 7),
    ("srp", 8),
    ("zar", 9),
    ("rij", 10),
    ("pro", 12),
    // Hungarian
    ("szept", 9),
    // Finnish
    ("tammi", 1),
    ("helmi", 2),
    ("maalis", 3),
    ("huhti", 4),
    ("touko", 5),
    ("kesa", 6),
    ("heina", 7),
    ("elo", 8),
    ("syys", 9),
    ("loka", 10),
    ("marras", 11),
    ("joulu", 12),
    // Turkish
    ("oca", 1),
    ("sub", 2),
    ("nis", 4),
    ("haz", 6),
    ("tem", 7),
    ("agu", 8),
    ("eyl", 9),
    ("eki", 10),
    ("kas", 11),
    ("ara", 12),
    // Greek
    ("ιαν", 1),
    ("φεβ", 2),
    ("μαρ", 3),
    ("απρ", 4),
    ("μαι", 5),
    ("ιουν", 6),
    ("ιουλ", 7),
    ("αυγ", 8),
    ("σεπ", 9),
    ("οκτ", 10),
    ("νοε", 11),
    ("δεκ", 12),
    // Russian, and what is shared with it
    ("янв", 1),
    ("фев", 2),
    ("мар", 3),
    ("апр", 4),
    ("май", 5),
    ("мая", 5),
    ("июн", 6),
    ("июл", 7),
    ("авг", 8),
    ("сен", 9),
    ("окт", 10),
    ("ноя", 11),
    ("дек", 12),
    // Bulgarian, Serbian
    ("яну", 1),
    ("јан", 1),
    ("мај", 5),
    ("юни", 6),
    ("јун", 6),
    ("юли", 7),
    ("јул", 7),
    ("сеп", 9),
    ("ное", 11),
    ("нов", 11),
    ("дец", 12),
    // Ukrainian, Belarusian
    ("січ", 1),
    ("лют", 2),
    ("бер", 3),
    ("кві", 4),
    ("тра", 5),
    ("чер", 6),
    ("лип", 7),
    ("сер", 8),
    ("вер", 9),
    ("жов", 10),
    ("лис", 11),
    ("гру", 12),
    ("сту", 1),
    ("сак", 3),
    ("кра", 4),
    ("жні", 8),
    ("кас", 10),
    ("сне", 12),
    // Arabic of Egypt and the Gulf
    ("یناییر", 1),
    ("ینایر", 1),
    ("فبرایر", 2),
    ("مارس", 3),
    ("ابریل", 4),
    ("مایو", 5),
    ("یونیو", 6),
    ("یونیه", 6),
    ("یولیو", 7),
    ("یولیه", 7),
    ("اغسطس", 8),
    ("سبتمبر", 9),
    ("اکتوبر", 10),
    ("نوفمبر", 11),
    ("دیسمبر", 12),
    // Arabic of the Levant and Iraq
    ("کانون الثانی", 1),
    ("شباط", 2),
    ("اذار", 3),
    ("نیسان", 4),
    ("ایار", 5),
    ("حزیران", 6),
    ("تموز", 7),
    ("ایلول", 9),
    ("تشرین الاول", 10),
    ("تشرین الثانی", 11),
    ("کانون الاول", 12),
    // Arabic of the Maghreb
    ("جانفی", 1),
    ("فیفری", 2),
    ("افریل", 4),
    ("جوان", 6),
    ("جویلیه", 7),
    // Persian, Urdu
    ("ژانویه", 1),
    ("جنوری", 1),
    ("فوریه", 2),
    ("فروری", 2),
    ("اوریل", 4),
    ("اپریل", 4),
    ("مه", 5),
    ("ژوین", 6),
    ("جون", 6),
    ("ژوییه", 7),
    ("جولای", 7),
    ("اوت", 8),
    ("اگست", 8),
    ("سپتامبر", 9),
    ("ستمبر", 9),
    ("اکتبر", 10),
    ("نوامبر", 11),
    ("نومبر", 11),
    ("دسامبر", 12),
    ("دسمبر", 12),
];

/// Months of other calendars, by their whole names.
const OTHER_MONTHS: [(&str, Calendar, i8); 52] = [
    ("فروردین", Calendar::Jalali, 1),
    ("اردیبهشت", Calendar::Jalali, 2),
    ("خرداد", Calendar::Jalali, 3),
    ("تیر", Calendar::Jalali, 4),
    ("مرداد", Calendar::Jalali, 5),
    ("امرداد", Calendar::Jalali, 5),
    ("شهریور", Calendar::Jalali, 6),
    ("مهر", Calendar::Jalali, 7),
    ("ابان", Calendar::Jalali, 8),
    ("اذر", Calendar::Jalali, 9),
    ("دی", Calendar::Jalali, 10),
    ("بهمن", Calendar::Jalali, 11),
    ("اسفند", Calendar::Jalali, 12),
    // Dari
    ("حمل", Calendar::Jalali, 1),
    ("ثور", Calendar::Jalali, 2),
    ("جوزا", Calendar::Jalali, 3),
    ("سرطان", Calendar::Jalali, 4),
    ("اسد", Calendar::Jalali, 5),
    ("سنبله", Calendar::Jalali, 6),
    ("میزان", Calendar::Jalali, 7),
    ("عقرب", Calendar::Jalali, 8),
    ("قوس", Calendar::Jalali, 9),
    ("جدی", Calendar::Jalali, 10),
    ("دلو", Calendar::Jalali, 11),
    ("حوت", Calendar::Jalali, 12),
    // lunar
    ("محرم", Calendar::Hijri, 1),
    ("صفر", Calendar::Hijri, 2),
    ("ربیع الاول", Calendar::Hijri, 3),
    ("ربیع الثانی", Calendar::Hijri, 4),
    ("ربیع الاخر", Calendar::Hijri, 4),
    ("جمادی الاول", Calendar::Hijri, 5),
    ("جمادی الاولی", Calendar::Hijri, 5),
    ("جمادی الثانی", Calendar::Hijri, 6),
    ("جمادی الثانیه", Calendar::Hijri, 6),
    ("جمادی الاخره", Calendar::Hijri, 6),
    ("رجب", Calendar::Hijri, 7),
    ("شعبان", Calendar::Hijri, 8),
    ("رمضان", Calendar::Hijri, 9),
    ("شوال", Calendar::Hijri, 10),
    ("ذوالقعده", Calendar::Hijri, 11),
    ("ذی القعده", Calendar::Hijri, 11),
    ("ذو القعده", Calendar::Hijri, 11),
    ("ذیقعده", Calendar::Hijri, 11),
    ("ذی قعده", Calendar::Hijri, 11),
    ("ذوالحجه", Calendar::Hijri, 12),
    ("ذی الحجه", Calendar::Hijri, 12),
    ("ذو الحجه", Calendar::Hijri, 12),
    ("ذیحجه", Calendar::Hijri, 12),
    ("ذی حجه", Calendar::Hijri, 12),
    // months of ours whose names are short
    ("اب", Calendar::Gregorian, 8),
    ("می", Calendar::Gregorian, 5),
    ("ماه مه", Calendar::Gregorian, 5),
];

/// Words of the half of a day before noon, and after it.
const BEFORE_NOON: [&str; 12] = [
    "am",
    "오전",
    "午前",
    "上午",
    "凌晨",
    "早上",
    "πμ",
    "صباحا",
    "ص",
    "قظ",
    "صبح",
    "ق.ظ",
];
const AFTER_NOON: [&str; 13] = [
    "pm", "오후", "午後", "下午", "晚上", "夜", "μμ", "مساء", "م", "بظ", "عصر", "شب", "ب.ظ",
];

/// Minutes east of Greenwich of a zone by its abbreviation.
pub(super) fn zone(name: &str) -> Option<i32> {
    ZONES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|&(_, minutes)| minutes)
}

/// The month that a word names, perhaps together with the word after it.
pub(super) fn month(word: &str, next: &str) -> Option<(Calendar, i8)> {
    let both = format!("{word} {next}");
    let whole = |name: &str| {
        OTHER_MONTHS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|&(_, calendar, month)| (calendar, month))
    };
    // The longer name first: "juin" and "juil" both begin with "jui".
    let begun = |name: &str| {
        MONTHS
            .iter()
            .filter(|(known, _)| name.starts_with(known))
            .max_by_key(|(known, _)| known.len())
            .map(|&(_, month)| (Calendar::Gregorian, month))
    };
    whole(&both)
        .or_else(|| whole(word))
        .or_else(|| begun(&both))
}

/// The hours that a word adds to a clock of twelve hours; none if it names no half of a day.
pub(super) fn half(word: &str) -> Option<u8> {
    if BEFORE_NOON.contains(&word) {
        Some(0)
    } else if AFTER_NOON.contains(&word) {
        Some(12)
    } else {
        None
    }
}

/// Years to add to those of an era.
pub(super) fn era(word: &str) -> Option<i16> {
    match word {
        "令和" => Some(2_018),
        "平成" => Some(1_988),
        "昭和" => Some(1_925),
        "民国" | "民國" => Some(1_911),
        _ => None,
    }
}
