//! How common words are before the stream has told: function words that carry no news, and the everyday words of
//! headlines, in the seven languages. Folded forms; what is not here counts as rare.

use std::{collections::HashSet, sync::LazyLock};

/// Words that join others and say nothing about the event. They are no terms.
const FUNCTION_WORDS: [&str; 7] = [
    // English
    "a an the and or but nor of in on at to from by with without for as is are was were be been being am it its he she they \
     them his her hers their theirs we us our you your i me my this that these those there here who whom whose which what \
     when where why how if then than so not no do does did done doing has have had having will would can could may might \
     must shall should about into over under up down out off after before between among during against again also just \
     only own same too very all any both each few more most other some such own now ever never yet still while because \
     until upon per via vs amid says said say s t re ve ll don didn isn won",
    // Korean
    "이 그 저 것 수 등 및 또 더 위해 대한 대해 관련 통해 따라 있다 없다 했다 한다 된다 됐다 위한 때 중 후 전 내 간 한 두",
    // Persian
    "و در به از که را با این آن برای است شد شده می های ها تا بر یک هم نیز یا اما هر پس پیش بود کرد کند شود خود ما انها او دو \
     کرده گفت باید درباره علیه بین بی چه چرا اگر ولی",
    // Arabic
    "فی من علی الی عن مع ان هذا هذه ذلک التی الذی ما لا لم لن قد کان کانت کما بعد قبل بین او و ثم حتی عند کل غیر هو هی هم \
     قال قالت یوم منذ خلال حول ضد لدی ایضا انه انها به بها له لها",
    // Chinese, both scripts (single characters; pairs of them are no terms)
    "的 了 在 是 和 与 與 为 為 对 對 将 將 被 于 於 不 有 也 就 都 而 及 其 这 這 那 个 個 之 以 到 从 從 向 称 稱 说 說 等 中 上 下",
    // Russian
    "и в на с о по из за от к у не что как это но а для до при его ее их он она они мы вы то же бы ли или об со во ко под над \
     после перед между через против без уже еще также был была были было будет быть который которая которые которых тем \
     чем так все всех этом этого эти этой свой свои своих года году время сообщил заявил рассказал лет",
    // Japanese
    "の に は を が と で も へ や な か ら し て た る れ さ い す こ そ あ う ま り ん つ け え く",
];

/// The everyday words of headlines. Terms, but weak ones until a stream shows otherwise.
const EVERYDAY_WORDS: [&str; 7] = [
    "new news report reports today yesterday tomorrow day days week weeks month year years time first last next two three \
     four five six one million billion percent people man men woman women world country countries government minister \
     president official officials state states national international us uk people's top big high low good best back way \
     make makes made get gets got take takes took see sees set sets call calls plan plans show shows say deal talks talk \
     meet meeting move hit hits rise rises fall falls rose fell up lead leads win wins won lose loses want wants need needs \
     help give gives find finds found know look looks come comes go goes going gone start starts end ends keep keeps work \
     life home house city police court law case death dead die dies died kill kills killed attack attacks war group \
     leader leaders party vote chief head company companies market markets price prices stock stocks share shares data sale \
     sales business bank economy cut cuts watch live video photos update review season game games team star film movie show \
     series release released here's it's likely near early late long old major could say tell tells told ask asks face faces \
     warn warns urge urges announce announces reveal reveals amid possible",
    "대통령 정부 장관 오늘 내일 올해 지난해 발표 회의 관계자 국가 국제 세계 한국 서울 경찰 사건 시장 기업 경제 지역 최근 개최 추진 확인",
    "ایران دولت کشور وزیر رییس جمهور رییس‌جمهور امروز دیروز فردا سال ماه روز خبر گزارش جهان مردم شهر تهران ملی اعلام",
    "الرییس الحکومه وزیر الیوم عام دوله العالم رییس مجلس الدولی الوطنی اخبار تقریر اعلن",
    "中国 中國 美国 美國 总统 總統 政府 记者 記者 今天 国家 國家 国际 國際 发布 發布 表示 报道 報道 新闻 新聞",
    "россия россии российский страна президент сегодня власти день мир новый новости сообщили назвали стало человек людей москва",
    "政府 首相 大統領 会議 今日 明日 世界 国際 発表 日本 東京 経済 問題",
];

static FUNCTION: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    FUNCTION_WORDS
        .iter()
        .flat_map(|list| list.split_whitespace())
        .collect()
});

static EVERYDAY: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    EVERYDAY_WORDS
        .iter()
        .flat_map(|list| list.split_whitespace())
        .collect()
});

/// Whether a folded word only joins others.
#[must_use]
pub fn is_function_word(folded: &str) -> bool {
    FUNCTION.contains(folded)
}

/// Whether a folded word is one of everyday headlines.
#[must_use]
pub fn is_everyday(folded: &str) -> bool {
    EVERYDAY.contains(folded)
}
