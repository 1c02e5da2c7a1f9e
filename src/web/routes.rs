//! Every address the web answers, with what it takes to enter: the one table of routes.
//!
//! The router is built from it and from nothing else, so there is no address without a gate. `tests/it/web/access.rs`
//! holds what each role is to get at each address; it fails where the two lists differ.

use axum::{
    extract::DefaultBodyLimit,
    routing::{MethodFilter, MethodRouter, on},
};

use super::{
    WebState,
    access::Gate::{self, Account, Anyone, May, Open, Output},
    api, assets, health, live, outputs, pages,
};
use crate::auth::Capability::{Administer, EditBeat, Read, WorkDesk};

/// An address and what it takes to enter.
pub struct Route {
    /// `GET`, which answers to `HEAD` as well, or `POST`.
    pub method: &'static str,
    /// The address, with its parameters in braces.
    pub path: &'static str,
    /// What it takes.
    pub gate: Gate,
    pub(super) handler: fn() -> MethodRouter<WebState>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.gate)
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $gate:expr => $handler:path $(, up_to $largest:expr)?;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            gate: $gate,
            handler: || on(MethodFilter::$method, $handler)$(.layer(DefaultBodyLimit::max($largest)))?,
        }),*]
    };
}

/// All of them.
pub static ROUTES: &[Route] = routes! {
    // Pages.
    GET  "/"                             May(Read)       => pages::board::show;
    GET  "/keywords/{slug}"              May(Read)       => pages::keyword::show;
    POST "/articles/add"                 May(WorkDesk)   => pages::added::add;
    GET  "/articles/added/{id}"          May(WorkDesk)   => pages::added::show;
    GET  "/articles/{id}"                May(Read)       => pages::article::show;
    GET  "/search"                       May(Read)       => pages::search::show;
    GET  "/feeds"                        May(Read)       => pages::feeds::show;
    GET  "/stories"                      May(Read)       => pages::stories::show;
    GET  "/stories/{id}"                 May(Read)       => pages::story::show;
    POST "/stories/out"                  May(WorkDesk)   => pages::story::move_out;
    POST "/stories/{id}/merge"           May(WorkDesk)   => pages::story::merge;
    POST "/stories/decisions/{id}/undo"  May(WorkDesk)   => pages::story::undo;
    POST "/desk"                         May(WorkDesk)   => pages::desk::act;
    POST "/desk/undo"                    May(WorkDesk)   => pages::desk::undo;
    GET  "/handover"                     May(Read)       => pages::handover::show;
    GET  "/yours"                        Account         => pages::desk::yours::show;
    POST "/yours/mentions"               Account         => pages::desk::yours::see;
    POST "/filters"                      Account         => pages::filter::save;
    POST "/filters/{id}/remove"          Account         => pages::filter::remove;
    POST "/seen"                         Account         => pages::seen::see;
    POST "/seen/mark"                    Account         => pages::seen::mark;
    POST "/seen/unmark"                  Account         => pages::seen::unmark;
    GET  "/feeds/league"                 May(Read)       => pages::league::show;
    GET  "/trends"                       May(Read)       => pages::trends::show;
    GET  "/trends.csv"                   May(Read)       => pages::trends::table::answer;
    GET  "/admin/grouping"               May(Administer) => pages::grouping::show;
    GET  "/admin/audit"                  May(Administer) => pages::audit::show;
    GET  "/admin/keywords"               May(EditBeat)   => pages::keywords::list;
    GET  "/admin/keywords/new"           May(EditBeat)   => pages::keywords::draft::show;
    POST "/admin/keywords/new"           May(EditBeat)   => pages::keywords::draft::add, up_to pages::saving::LARGEST_FORM;
    POST "/admin/keywords/new/try"       May(EditBeat)   => pages::keywords::draft::try_out, up_to pages::saving::LARGEST_FORM;
    GET  "/admin/keywords/{slug}"        May(EditBeat)   => pages::keywords::show;
    POST "/admin/keywords/{slug}"        May(EditBeat)   => pages::keywords::save, up_to pages::saving::LARGEST_FORM;
    POST "/admin/keywords/{slug}/try"    May(EditBeat)   => pages::keywords::try_out, up_to pages::saving::LARGEST_FORM;
    POST "/admin/keywords/{slug}/check"  May(EditBeat)   => pages::keywords::check, up_to pages::saving::LARGEST_FORM;
    GET  "/admin/keywords/{slug}/parts"  May(EditBeat)   => pages::keywords::parts;
    GET  "/admin/concepts"               May(EditBeat)   => pages::concepts::list;
    POST "/admin/concepts"               May(EditBeat)   => pages::concepts::add;
    GET  "/admin/concepts/{slug}"        May(EditBeat)   => pages::concepts::show;
    POST "/admin/concepts/{slug}"        May(EditBeat)   => pages::concepts::save, up_to pages::saving::LARGEST_FORM;
    POST "/admin/concepts/{slug}/try"    May(EditBeat)   => pages::concepts::try_out, up_to pages::saving::LARGEST_FORM;
    GET  "/admin/outlets"                May(EditBeat)   => pages::concepts::outlets::show;
    POST "/admin/outlets"                May(EditBeat)   => pages::concepts::outlets::save, up_to pages::saving::LARGEST_FORM;
    POST "/admin/outlets/try"            May(EditBeat)   => pages::concepts::outlets::try_out, up_to pages::saving::LARGEST_FORM;
    GET  "/feeds/{id}"                   May(Read)       => pages::feed::show;
    POST "/feeds/{id}/poll"              May(WorkDesk)   => pages::feed::poll;
    GET  "/admin/feeds/new"              May(EditBeat)   => pages::new_feed::show;
    POST "/admin/feeds/trials"           May(EditBeat)   => pages::new_feed::ask;
    GET  "/admin/feeds/trials/{id}"      May(EditBeat)   => pages::new_feed::trial;
    POST "/admin/feeds"                  May(EditBeat)   => pages::new_feed::add;
    GET  "/admin/quality"               May(WorkDesk)   => pages::quality::show;
    POST "/admin/quality/{id}"          May(WorkDesk)   => pages::quality::judge;
    GET  "/admin/keywords/{slug}/quality" May(EditBeat)   => pages::quality::of_keyword;
    GET  "/admin/keywords/{slug}/near"  May(EditBeat)   => pages::keywords::near;
    GET  "/why-not"                     May(WorkDesk)   => pages::why_not::show;
    POST "/why-not"                     May(WorkDesk)   => pages::why_not::answer;
    GET  "/admin/audit.csv"             May(Administer) => pages::audit::csv;
    GET  "/admin/audit.jsonl"           May(Administer) => pages::audit::json;
    POST "/articles/{id}/erase"         May(Administer) => pages::erasure::erase;
    POST "/admin/users/{id}/sessions/end" May(Administer) => pages::users::sign_out;
    GET  "/admin/feeds"                 May(EditBeat)   => pages::feed_admin::list;
    GET  "/admin/feeds/lists"           May(EditBeat)   => pages::feed_admin::lists;
    POST "/admin/feeds/bulk"            May(EditBeat)   => pages::feed_admin::bulk;
    POST "/admin/feeds/opml"            May(EditBeat)   => pages::feed_admin::import, up_to pages::feed_admin::LARGEST_FORM;
    GET  "/admin/feeds.opml"            May(EditBeat)   => pages::feed_admin::export;
    GET  "/admin/feeds/{id}"            May(EditBeat)   => pages::feed_admin::edit::show;
    POST "/admin/feeds/{id}"            May(EditBeat)   => pages::feed_admin::edit::save;
    POST "/admin/feeds/{id}/pause"      May(EditBeat)   => pages::feed_admin::edit::pause;
    POST "/admin/feeds/{id}/resume"     May(EditBeat)   => pages::feed_admin::edit::resume;
    GET  "/admin/sources/new"           May(EditBeat)   => pages::feed_admin::source::fresh;
    POST "/admin/sources"               May(EditBeat)   => pages::feed_admin::source::add;
    GET  "/admin/sources/{slug}"        May(EditBeat)   => pages::feed_admin::source::show;
    POST "/admin/sources/{slug}"        May(EditBeat)   => pages::feed_admin::source::save;
    GET  "/events"                       May(Read)       => live::events;
    // Digests.
    GET  "/digests"                      May(Read)       => pages::digests::show_all;
    POST "/digests"                      May(EditBeat)   => pages::digests::form::add;
    GET  "/digests/new"                  May(EditBeat)   => pages::digests::form::fresh;
    GET  "/digests/{slug}"               May(Read)       => pages::digests::show;
    POST "/digests/{slug}"               May(EditBeat)   => pages::digests::form::change;
    GET  "/digests/{slug}/edit"          May(EditBeat)   => pages::digests::form::edit;
    POST "/digests/{slug}/pause"         May(EditBeat)   => pages::digests::pause;
    POST "/digests/{slug}/resume"        May(EditBeat)   => pages::digests::resume;
    POST "/digests/{slug}/run"           May(EditBeat)   => pages::digests::run;
    POST "/digests/{slug}/remove"        May(EditBeat)   => pages::digests::remove;
    POST "/digests/{slug}/recipients"    May(EditBeat)   => pages::digests::add_recipient;
    POST "/digests/{slug}/recipients/{id}/remove" May(EditBeat) => pages::digests::remove_recipient;
    POST "/digests/{slug}/recipients/{id}/return" May(EditBeat) => pages::digests::return_recipient;
    POST "/digests/{slug}/recipients/{id}/test"   May(WorkDesk) => pages::digests::test_recipient;
    GET  "/digests/{slug}/preview"       May(Read)       => pages::digests::edition::show_preview;
    GET  "/digests/{slug}/feed.atom"     Output          => pages::digests::feeds::atom;
    GET  "/digests/{slug}/feed.json"     Output          => pages::digests::feeds::json;
    GET  "/digests/{slug}/table.csv"     Output          => pages::digests::feeds::table;
    GET  "/digests/{slug}/{edition}"     May(Read)       => pages::digests::edition::show;
    POST "/digests/{slug}/{edition}/review" May(WorkDesk) => pages::digests::edition::review;
    GET  "/admin/outbox"                 May(Administer) => pages::digests::outbox::show;
    GET  "/admin/outbox/{id}"            May(Administer) => pages::digests::outbox::show_one;
    POST "/admin/outbox/{id}/resend"     May(Administer) => pages::digests::outbox::resend;
    GET  "/unsubscribe/{token}"          Anyone          => pages::digests::unsubscribe::ask;
    POST "/unsubscribe/{token}"          Anyone          => pages::digests::unsubscribe::leave;
    POST "/unsubscribe/{token}/return"   Anyone          => pages::digests::unsubscribe::come_back;
    // Accounts.
    GET  "/login"                        Anyone          => pages::login::show;
    POST "/login"                        Anyone          => pages::login::sign_in;
    POST "/login/demo"                   Anyone          => pages::login::sign_in_to_the_demo;
    POST "/logout"                       Anyone          => pages::login::sign_out;
    GET  "/welcome/{token}"              Anyone          => pages::welcome::show;
    POST "/welcome/{token}"              Anyone          => pages::welcome::follow;
    GET  "/session"                      May(Read)       => pages::login::is_signed_in;
    GET  "/account"                      Account         => pages::account::show;
    POST "/account/preferences"          Account         => pages::account::set_preferences;
    POST "/account/password"             Account         => pages::account::set_password;
    POST "/account/sessions/others/end"  Account         => pages::account::end_other_sessions;
    POST "/account/sessions/{id}/end"    Account         => pages::account::end_session;
    POST "/account/tokens"               Account         => pages::account::add_token;
    POST "/account/tokens/{id}/revoke"   Account         => pages::account::revoke_token;
    GET  "/admin/users"                  May(Administer) => pages::users::show;
    POST "/admin/users/invite"           May(Administer) => pages::users::invite;
    POST "/admin/users/{id}/role"        May(Administer) => pages::users::set_role;
    POST "/admin/users/{id}/disable"     May(Administer) => pages::users::disable;
    POST "/admin/users/{id}/enable"      May(Administer) => pages::users::enable;
    POST "/admin/users/{id}/link"        May(Administer) => pages::users::password_link;
    // Programs.
    GET  "/out/{file}"                   Output          => outputs::of_keyword;
    GET  "/out/search/{file}"            Output          => outputs::of_search;
    GET  "/api"                          May(Read)       => pages::api::show;
    GET  "/api/openapi.json"             Open            => api::openapi::show;
    GET  "/api/v1/articles"              May(Read)       => api::articles::list;
    GET  "/api/v1/articles/{id}"         May(Read)       => api::articles::one;
    GET  "/api/v1/export"                May(Read)       => api::export::show;
    GET  "/api/v1/matches"               May(Read)       => api::matches::list;
    GET  "/api/v1/stories"               May(Read)       => api::stories::list;
    GET  "/api/v1/stories/{id}"          May(Read)       => api::stories::one;
    GET  "/api/v1/keywords"              May(Read)       => api::keywords::list;
    GET  "/api/v1/keywords/{slug}"       May(Read)       => api::keywords::one;
    GET  "/api/v1/keywords/{slug}/versions" May(EditBeat) => api::keywords::versions;
    GET  "/api/v1/feeds"                 May(Read)       => api::feeds::list;
    GET  "/api/v1/feeds/{id}"            May(Read)       => api::feeds::one;
    POST "/api/v1/feeds/{id}/poll"       May(WorkDesk)   => api::feeds::poll;
    GET  "/api/v1/digests"               May(WorkDesk)   => api::digests::list;
    GET  "/api/v1/digests/{id}"          May(WorkDesk)   => api::digests::one;
    POST "/api/v1/digests/{id}/run"      May(EditBeat)   => api::digests::run;
    GET  "/api/v1/health"                May(Read)       => api::health::show;
    GET  "/api/v1/audit"                 May(Administer) => api::audit::list;
    // Files and probes: no secrets, no database.
    GET  "/static/{hash}/{name}"         Open            => assets::serve;
    GET  "/livez"                        Open            => health::live;
    GET  "/readyz"                       Open            => health::ready;
};
