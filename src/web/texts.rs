//! What the interface says, in one place, ready for translation.
//!
//! A text that a page says is a field here; a template writes `{{ frame.texts.sign_in }}`. A language is a value of
//! [`Texts`]: one that lacks a text does not compile. Texts with a value in them are functions.

macro_rules! texts {
    ($($name:ident: $english:literal,)*) => {
        /// All texts in one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            /// BCP 47.
            pub(crate) language: &'static str,
            $(pub(crate) $name: &'static str,)*
        }

        /// English.
        static ENGLISH: Texts = Texts {
            language: "en",
            $($name: $english,)*
        };
    };
}

texts! {
    new_feed: "New feed",
    address: "Address",
    address_hint: "a feed, or a page: its feeds are looked for, and its list of news is read where it has none",
    list_page: "A page without a feed: how its list is read",
    list_page_hint: "CSS selectors; all but the first look inside of an item, and may end in @name for an attribute. Left empty, \
        they are guessed.",
    selector_item: "Each item",
    selector_title: "Title; empty: the text of the link",
    selector_link: "Link; empty: the first one of the item",
    selector_date: "Date; empty: the item’s time",
    selector_summary: "Summary; empty: none",
    try_it: "Try it",
    trying: "The address is being asked. This page looks again by itself.",
    too_many_trials: "Too many addresses wait to be tried. Wait a moment and try again.",
    offered_feeds: "Feeds that this page offers",
    read_as_feed: "As a feed it reads so",
    read_as_list: "As a list it reads so",
    entries: "entries",
    skipped: "skipped",
    no_date: "no date",
    source: "Source",
    no_such_source: "There is no such source.",
    feed_name: "Name; empty: what it calls itself",
    note: "Note",
    add_feed: "Add the feed",
    add_list: "Add the list",
    sign_in: "Sign in",
    sign_out: "Sign out",
    name: "Name",
    password: "Password",
    keep_away: "This page cannot sign anybody in",
    over_plain_http: "You reached wirewatch over plain HTTP on an address that is not this machine's own. Whoever is on the way \
        could read your password and stay signed in as you, so it is not asked for here.",
    unknown_proxy: "A proxy passed your request on, and wirewatch was not told to believe it.",
    way_out_same_machine: "On the machine that wirewatch runs on, open it as http://127.0.0.1 or http://localhost, with its port.",
    way_out_tunnel: "From elsewhere, a tunnel does: ssh -L 8080:127.0.0.1:8080 user@machine, then http://127.0.0.1:8080.",
    way_out_proxy: "For a newsroom, put a proxy with TLS before it (docs/Caddyfile is one), and set web.public_url to its https \
        address and web.trusted_proxies to the network that the proxy asks from.",
    wrong_credentials: "Name and password do not belong together, or the account is not active.",
    no_account: "No account? An admin sends you a link.",
    reading_is_free: "Reading needs no account here.",
    demo_sign_in: "This is the demo: sign in as anybody, without a password.",
    welcome: "Welcome to wirewatch",
    welcome_join: "This link makes an account for you, once. Choose what you sign in with.",
    welcome_first: "This link makes the first account, once. It may do everything, and invite the others.",
    welcome_password: "This link sets a new password, once. All browsers that are signed in as you are signed out.",
    void_link: "This link works no more",
    void_link_details: "It was used, or its time is over. An admin can send you another one; from the shell, so does “wirewatch \
        user invite”, or a restart while nobody administers.",
    name_hint: "letters a to z, digits, dots, dashes, underscores; colleagues mention you by it",
    full_name: "Full name",
    full_name_hint: "as colleagues know you; may stay empty",
    password_hint: "at least 12 characters; four or five words that do not go together are good; nothing is cut off",
    name_taken: "This name is taken. Choose another one.",
    make_account: "Make the account",
    save_password: "Save the password",
    account: "Your account",
    role: "Role",
    preferences: "How you read",
    time_zone: "Time zone",
    time_zone_hint: "a name such as Asia/Seoul; empty: that of the browser",
    no_such_zone: "There is no time zone of that name. Examples: Asia/Seoul, Europe/Berlin, UTC.",
    clock_format: "Clock",
    hours_24: "24 hours, 15:04",
    hours_12: "12 hours, 3:04 PM",
    save: "Save",
    change_password: "Password",
    current_password: "Current password",
    new_password: "New password",
    wrong_current_password: "The current password is another one.",
    password_changed: "The password is changed. Other browsers were signed out.",
    sessions: "Where you are signed in",
    this_browser: "this browser",
    last_used: "last used",
    since: "since",
    end_session: "Sign out there",
    end_others: "Sign out everywhere else",
    tokens: "Keys for programs",
    tokens_note: "A program that sends one (Authorization: Bearer …) may what the role of the key may, and no more than you. A new password ends all keys.",
    no_tokens: "No keys yet.",
    token_name: "What it is for",
    token_days: "Days it works",
    add_token: "Make a key",
    token_shown_once: "Copy the key now: it is shown this once.",
    token_not_made: "A key needs a name of at most 100 letters, a role that you have, and 1 to 730 days.",
    revoke: "Revoke",
    expires: "expires",
    never_used: "never used",
    users: "Accounts",
    audit: "Audit",
    audit_is: "every change, by whom and from what to what; it only grows",
    audit_kind: "What",
    audit_who: "Who",
    audit_words: "With the words",
    audit_all: "all",
    audit_show: "Show",
    audit_undo: "Undo",
    audit_older: "Older",
    audit_empty: "Nothing that was asked for was ever changed.",
    invite: "Invite somebody",
    make_link: "Make a link",
    link_shown_once: "Send this link. It is shown this once, works once, and for a week:",
    password_link_shown_once: "Send this link. It is shown this once, works once, and for a day:",
    set_role: "Set",
    disable: "Disable",
    enable: "Enable",
    new_password_link: "Link for a new password",
    disabled: "disabled",
    no_password_yet: "no password yet",
    last_sign_in: "last sign-in",
    never: "never",
    you: "you",
    last_admin: "This is the last account that may administer. Make another admin first.",
    not_yourself: "You cannot take your own rights away; another admin can.",
    done: "Done.",
}

/// The texts in a language (BCP 47); English where there are none in it.
pub(crate) fn of(language: &str) -> &'static Texts {
    [&ENGLISH]
        .into_iter()
        .find(|texts| texts.language == language)
        .unwrap_or(&ENGLISH)
}
