//! The default beat held against short texts that were written with its lists at hand: what it must cover and its traps.
//! They hold the lists and say nothing of how much these cover; `beat_measured` asks that.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use super::{Engine, Lexicon, Scratch};
use crate::domain::{Beat, Concept, Facts, Keyword, KeywordId, Subject, Tier};

/// A text, and the keywords that are right for it.
type Text = (&'static str, &'static str);

/// News of the beat.
const NEWS: &[Text] = &[
    // en
    (
        "Iran and North Korea signed a protocol on missile technology in Pyongyang.",
        "link tech-link",
    ),
    (
        "Tehran received a delegation from the DPRK to discuss oil for arms.",
        "link",
    ),
    (
        "The United States imposed new sanctions on North Korea over its IT workers.",
        "evasion sanctions-dprk",
    ),
    (
        "Treasury sanctions Iranian network that sold drones.",
        "sanctions-iran",
    ),
    (
        "A tanker carrying Iranian crude made a ship-to-ship transfer off Malaysia.",
        "evasion",
    ),
    (
        "A shadow fleet moves Iran's oil past the price cap.",
        "evasion sanctions-iran",
    ),
    (
        "Front companies in Shanghai bought machine tools for Pyongyang.",
        "evasion",
    ),
    (
        "Iran's Shahab-3 missile derives from the North Korean Nodong.",
        "link tech-link",
    ),
    (
        "The Khorramshahr missile of Iran resembles the Hwasong-10.",
        "link tech-link",
    ),
    (
        "Iran's Ghadir class submarine follows a design from North Korea.",
        "link tech-link",
    ),
    (
        "The Security Council heard a report on sanctions against North Korea.",
        "sanctions-dprk reports",
    ),
    (
        "The Panel of Experts report named ships that carried coal for the DPRK.",
        "reports",
    ),
    (
        "The Multilateral Sanctions Monitoring Team published its first report on North Korea.",
        "reports sanctions-dprk",
    ),
    (
        "EU extends restrictive measures: travel bans against Iranian officials.",
        "sanctions-iran",
    ),
    (
        "Lazarus Group laundered stolen crypto through a mixer.",
        "evasion",
    ),
    ("The IRGC used shell companies in Dubai.", "evasion"),
    (
        "Sanctions snapback: Iran loses access to frozen funds.",
        "sanctions-iran",
    ),
    (
        "Russia, China and Iran held talks in Moscow, diplomats said.",
        "axis",
    ),
    ("Kim Jong Un sent a message to Pezeshkian.", "link"),
    (
        "Mahan Air and the Korea Mining Development Trading Corporation appear on one list.",
        "link",
    ),
    // ko
    (
        "이란과 북한이 미사일 기술 협력을 강화하고 있다.",
        "link tech-link",
    ),
    (
        "미국 재무부는 북한 해커들을 제재했다.",
        "evasion sanctions-dprk",
    ),
    (
        "유엔 안보리 대북제재 결의 이행이 느슨해졌다.",
        "sanctions-dprk",
    ),
    (
        "미국이 이란의 석유 수출을 겨냥한 제재를 발표했다.",
        "sanctions-iran",
    ),
    ("북한산 석탄이 선박 간 환적으로 거래됐다.", "evasion"),
    (
        "이란제 샤헤드-136 드론과 북한의 화성-11 미사일",
        "tech-link",
    ),
    ("테헤란을 방문한 북측 대표단이 귀국했다.", "link"),
    ("라자루스가 가상자산 탈취로 자금을 모았다.", "evasion"),
    (
        "북한은 유령회사를 통해 제재 회피를 이어간다.",
        "evasion sanctions-dprk",
    ),
    ("대이란제재가 다시 발동됐다.", "sanctions-iran"),
    // fa
    ("ایران و کره شمالی توافق همکاری نظامی امضا کردند.", "link"),
    (
        "آمریکا تحریم‌های تازه علیه ایران اعلام کرد.",
        "sanctions-iran",
    ),
    (
        "شورای امنیت درباره تحریم کره‌شمالی رأی گرفت.",
        "sanctions-dprk",
    ),
    ("ناوگان سایه نفت ایران را جابه‌جا می‌کند.", "evasion"),
    (
        "موشک خرمشهر با فناوری کرهٔ شمالی ساخته شد.",
        "link tech-link",
    ),
    ("هیئتی از پیونگ‌یانگ وارد تهران شد.", "link"),
    ("سپاه پاسداران با شرکت‌های صوری پول جابه‌جا کرد.", "evasion"),
    ("تحریم‌ها علیه پیونگیانگ تشدید شد.", "sanctions-dprk"),
    (
        "ایران گفت مکانیسم ماشه و تحریم‌ها بی‌اعتبار است.",
        "sanctions-iran",
    ),
    // ar
    ("إيران وكوريا الشمالية توقعان اتفاق تعاون.", "link"),
    ("واشنطن تفرض عقوبات جديدة على إيران.", "sanctions-iran"),
    (
        "مجلس الأمن يناقش العقوبات على كوريا الشمالية.",
        "sanctions-dprk",
    ),
    ("أسطول الظل ينقل النفط الإيراني سرا.", "evasion"),
    ("الحرس الثوري استخدم شركات وهمية في الخليج.", "evasion"),
    ("وفد من بيونغ يانغ يزور طهران.", "link"),
    (
        "صاروخ خرمشهر الإيراني مأخوذ عن تصميم كوري شمالي.",
        "link tech-link",
    ),
    ("تجميد أصول شركات إيرانية.", "sanctions-iran"),
    // zh
    ("伊朗与朝鲜加强导弹合作。", "link tech-link"),
    ("美国宣布对伊朗实施新制裁。", "sanctions-iran"),
    ("安理会讨论对朝鲜的制裁。", "sanctions-dprk"),
    ("美國宣布新的對朝制裁。", "sanctions-dprk"),
    ("油轮通过船对船转运运输伊朗原油。", "evasion"),
    ("朝鲜利用空壳公司规避制裁。", "evasion sanctions-dprk"),
    ("平壤代表团抵达德黑兰。", "link"),
    ("见证者-136无人机与北韓火箭炮", "tech-link"),
    // ru
    ("Иран и КНДР подписали соглашение о сотрудничестве.", "link"),
    ("США ввели санкции против Ирана.", "sanctions-iran"),
    (
        "Совбез ООН обсудил санкции против Северной Кореи.",
        "sanctions-dprk",
    ),
    ("Теневой флот перевозит иранскую нефть.", "evasion"),
    ("Делегация из Пхеньяна прибыла в Тегеран.", "link"),
    (
        "Ракета Шахаб-3 создана в Иране на основе северокорейской Нодон.",
        "link tech-link",
    ),
    ("КСИР действовал через подставные компании.", "evasion"),
    // ja
    (
        "イランと北朝鮮がミサイル開発で協力している。",
        "link tech-link",
    ),
    ("米財務省は北朝鮮に対する制裁を発表した。", "sanctions-dprk"),
    ("イランへの制裁が再び発動された。", "sanctions-iran"),
    ("北朝鮮の船が瀬取りで石油を得た。", "evasion"),
    ("平壌の代表団がテヘランを訪れた。", "link"),
    ("革命防衛隊はフロント企業を使った。", "evasion"),
    ("テポドンの技術がイランに渡った。", "link tech-link"),
];

/// What only looks like news of the beat.
const TRAPS: &[Text] = &[
    // en
    ("The race was officially sanctioned by the federation.", ""),
    ("The court sanctioned the plan of the creditors.", ""),
    (
        "FIFA sanctions loom for the Iranian football federation.",
        "",
    ),
    (
        "Iran's weightlifting team faces doping sanctions from WADA.",
        "",
    ),
    ("North Korea drew Iran in the World Cup qualifier.", ""),
    ("Samsung of South Korea opened a plant in Tirana.", ""),
    (
        "The Iranian-born chef won a prize in Pyongyang street food.",
        "",
    ),
    (
        "A film about the Iran hostage crisis and the Iran-Contra affair",
        "",
    ),
    (
        "The Tehran Times and the Pyongyang Times are both printed weekly.",
        "",
    ),
    ("The Green Pine radar of Israel watches Iran.", ""),
    ("The AIO cooler has RGB lights.", ""),
    ("He wore a snapback cap to the baseball game.", ""),
    ("In 1718 the king and in 1929 the bank met a crisis.", ""),
    ("Czech ministry MŠMT published a report on schools.", ""),
    ("The state-sanctioned killings in Iran went on.", ""),
    ("Shahab, Emad and Fattah are common names in Shiraz.", ""),
    (
        "A meteor shower, shahab in Arabic, lit up Khorramshahr.",
        "",
    ),
    (
        "BIS, the Bank for International Settlements, met in Basel.",
        "",
    ),
    ("Sanctions on Russia hit the price of gas.", ""),
    ("Nuclear football: the briefcase of the president", ""),
    ("STS-135 was the last flight of the shuttle.", ""),
    (
        "Shell companies in Panama hid the money of a French singer.",
        "",
    ),
    ("The Security Council debated a report on Haiti.", ""),
    // ko
    ("사랑이란 무엇인가를 묻는 책", ""),
    ("이란성 쌍둥이가 태어났다.", ""),
    ("화성시에서 축제가 열렸다.", ""),
    ("화성 탐사선이 화성에 도착했다.", ""),
    ("고용노동부가 연봉 통계를 냈다.", ""),
    ("북한산 국립공원에서 등산객이 구조됐다.", ""),
    ("평양냉면 맛집에 제재소 직원들이 모였다.", ""),
    ("이란 축구 대표팀이 월드컵에서 북한을 이겼다.", ""),
    ("“정의”란 이란 말로 다 담을 수 없다.", ""),
    ("은하 관측과 북극성 이야기", ""),
    // fa
    ("کره و پنیر در صبحانه", ""),
    ("خرمشهر شهری در جنوب است.", ""),
    ("عید غدیر و جشنواره سیمرغ", ""),
    ("تیم فوتبال ایران از سوی فیفا محروم شد.", ""),
    ("او با شهاب و عماد به سینما رفت.", ""),
    ("تحریم انتخابات در روسیه", ""),
    ("زمان غنی‌سازی اوقات فراغت کودکان است.", ""),
    ("روزنامه ایران و تهران تایمز منتشر شدند.", ""),
    // ar
    ("شاهد الفيديو: شهاب يضيء السماء", ""),
    ("عقوبات تأديبية على لاعب كرة القدم", ""),
    ("قانون العقوبات الفرنسي", ""),
    ("كوريا الجنوبية تفوز بالمباراة.", ""),
    ("مسجد طهران القديم في القاهرة", ""),
    ("فتاح وعماد يزوران المدرسة.", ""),
    // zh
    ("朝鲜族自治州举办文化节。", ""),
    ("朝鲜战争纪念馆开放。", ""),
    ("朝鲜蓟沙拉的做法", ""),
    ("火星探测器发回照片。", ""),
    ("泥石流造成道路中断。", ""),
    ("辽宁边境的小镇", ""),
    ("游戏制裁：征服者被封号", ""),
    ("伊朗足球队进入亚洲杯。", ""),
    ("欧盟制裁俄罗斯银行。", ""),
    // ru
    ("Суд выдал санкцию прокурора на обыск.", ""),
    ("ЕС ввёл санкции против российских банков.", ""),
    ("Тирана — столица Албании.", ""),
    ("Сборная Ирана по футболу вышла в финал.", ""),
    ("Южная Корея открыла завод.", ""),
    ("Ирано-иракская война в истории", ""),
    ("Ким и Иранов открыли кафе.", ""),
    // ja
    ("イランイランの香りのせっけん", ""),
    ("イラン・イラク戦争の歴史", ""),
    ("朝鮮戦争の記念館", ""),
    ("火星の石が公開された。", ""),
    ("朝鮮王朝のドラマ", ""),
    ("サッカー、イラン対北朝鮮のワールドカップ予選", ""),
    ("鉄拳制裁で監督が辞任", ""),
    ("ロシアへの制裁が続く。", ""),
];

/// News that a fact of its source makes so.
const BY_SOURCE: &[(Tier, &[&str], &str, &str)] = &[
    (
        Tier::Official,
        &[],
        "Treasury sanctions Iranian shipping network",
        "sanctions-iran designations",
    ),
    (
        Tier::Official,
        &[],
        "Asset freeze targets: DPRK bank agents",
        "sanctions-dprk designations",
    ),
    (
        Tier::Official,
        &[],
        "Sanctions list: changes to the Libya entries",
        "",
    ),
    (Tier::Press, &[], "Sanctions list grows, says ministry", ""),
    (
        Tier::State,
        &["dprk-side"],
        "Our delegation met the president of Iran",
        "link",
    ),
    (
        Tier::State,
        &["dprk-side"],
        "A new dairy opened in the capital",
        "",
    ),
];

/// The default beat, compiled.
pub(super) struct Bench {
    engine: Engine,
    /// By the id of the keyword.
    pub slugs: Vec<String>,
    scratch: Scratch,
}

impl Bench {
    /// Compiles the beat, and further keywords of the given slugs and queries.
    pub(super) fn new(further: &[(&str, &str)]) -> Self {
        let beat: Beat =
            toml::from_str(include_str!("../../config/beats/iran-dprk-sanctions.toml")).unwrap();
        let concepts: Vec<Concept> = beat
            .concepts
            .into_iter()
            .map(|concept| Concept {
                slug: concept.slug,
                name: concept.name,
                terms: concept.terms.into_values().flatten().collect(),
                anti_terms: concept.anti_terms,
            })
            .collect();
        let keywords: Vec<Keyword> = (0..)
            .zip(
                beat.keywords
                    .into_iter()
                    .map(|keyword| (keyword.slug, keyword.query))
                    .chain(
                        further
                            .iter()
                            .map(|&(slug, query)| (slug.to_owned(), query.to_owned())),
                    ),
            )
            .map(|(id, (slug, query))| Keyword {
                id: KeywordId::new(id),
                name: slug.clone(),
                slug,
                version: 1,
                query,
            })
            .collect();
        let (lexicon, problems) = Lexicon::new(&concepts, &beat.outlets, &keywords);
        assert_eq!(problems, []);
        let (engine, problems) = Engine::compile(&keywords, &lexicon);
        assert_eq!(problems, []);
        Self {
            engine,
            slugs: keywords.into_iter().map(|keyword| keyword.slug).collect(),
            scratch: Scratch::default(),
        }
    }

    /// The slugs of the keywords that match.
    pub(super) fn found(&mut self, subject: &Subject<'_>) -> BTreeSet<&str> {
        let matches = self.engine.matches(subject, &mut self.scratch);
        matches
            .iter()
            .filter_map(|found| {
                self.slugs
                    .get(usize::try_from(found.keyword_id.get()).ok()?)
            })
            .map(String::as_str)
            .collect()
    }

    /// What the beat makes of a text otherwise than its labels, if anything.
    fn surprise(&mut self, text: &str, facts: Facts<'_>, labels: &str) -> Option<String> {
        let found = self.found(&Subject {
            content: text,
            facts,
            ..Subject::default()
        });
        let right: BTreeSet<&str> = labels.split_whitespace().collect();
        (found != right).then(|| format!("{text}: {found:?}, right {right:?}"))
    }
}

#[test]
fn the_default_beat_covers_what_it_was_made_for_and_keeps_its_traps_out() {
    let mut bench = Bench::new(&[]);
    let mut surprises = Vec::new();
    for (text, labels) in NEWS.iter().chain(TRAPS) {
        surprises.extend(bench.surprise(text, Facts::default(), labels));
    }
    for (tier, tags, text, labels) in BY_SOURCE {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let facts = Facts {
            tier: Some(*tier),
            tags: &tags,
            ..Facts::default()
        };
        surprises.extend(bench.surprise(text, facts, labels));
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

#[test]
fn there_are_enough_texts_and_each_is_there_once() {
    let texts: BTreeSet<&str> = NEWS.iter().chain(TRAPS).map(|(text, _)| *text).collect();
    assert_eq!(texts.len(), NEWS.len() + TRAPS.len());
    assert!(NEWS.len() >= 60 && TRAPS.len() >= 60);
}
