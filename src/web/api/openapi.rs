//! The API's description (`OpenAPI` 3.1): from the handlers and structs, completed from the table of routes.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{
        self, ObjectBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

use crate::{
    domain::{Field, Timestamp, Trouble, delivery::Kind, digest::Schedule},
    web::{
        access::Gate,
        error::Problem,
        routes::{ROUTES, Route},
    },
};

/// Where the API begins.
const BASE: &str = "/api/v1/";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "wirewatch",
        description = "What a wirewatch collected and what its desk made of it. Every answer that is not an error has an \
            ETag: ask again with If-None-Match, and an answer that has not changed is 304. Errors are problem details \
            (RFC 9457). Keys are made on the page of an account or by `wirewatch token create`; each role may what the \
            one before it may: viewer, editor, analyst, admin."
    ),
    paths(
        super::articles::list,
        super::articles::one,
        super::matches::list,
        super::export::show,
        super::stories::list,
        super::stories::one,
        super::keywords::list,
        super::keywords::one,
        super::keywords::versions,
        super::feeds::list,
        super::feeds::one,
        super::feeds::poll,
        super::digests::list,
        super::digests::one,
        super::digests::run,
        super::health::show,
        super::audit::list,
    ),
    components(schemas(Problem)),
    tags(
        (name = "articles", description = "Entries that matched a keyword, for good"),
        (name = "matches", description = "Article × keyword"),
        (name = "stories", description = "Articles that report the same event"),
        (name = "keywords", description = "Saved queries"),
        (name = "feeds", description = "What is read, and how well"),
        (name = "digests", description = "Who is told of what"),
        (name = "audit", description = "Who changed what"),
    )
)]
struct Described;

/// The description, as it is sent.
static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// The description.
pub(in crate::web) fn description() -> &'static Value {
    &DOCUMENT
}

/// The names of the parameters that a route of the API takes in its address's query; nothing for other routes.
pub(super) fn parameters(route: &Route) -> Option<Vec<String>> {
    let operation = &description()["paths"][route.path][route.method.to_ascii_lowercase()];
    operation.is_object().then(|| {
        let described = operation["parameters"].as_array();
        described
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .map(str::to_owned)
            .collect()
    })
}

/// Answers with the description.
pub(in crate::web) async fn show() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, description().to_string()).into_response()
}

fn document() -> Value {
    let mut document = serde_json::to_value(Described::openapi()).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["components"]["securitySchemes"] = json!({
        "key": {"type": "http", "scheme": "bearer", "description": "A key of a program"}
    });
    // An answer without articles has both forms.
    let answer = &mut document["components"]["schemas"]["ArticlesAnswer"];
    answer["anyOf"] = answer["oneOf"].take();
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("oneOf");
    }
    for route in ROUTES.iter().filter(|route| route.path.starts_with(BASE)) {
        let method = route.method.to_ascii_lowercase();
        if let Some(operation) = document
            .get_mut("paths")
            .and_then(|paths| paths.get_mut(route.path))
            .and_then(|path| path.get_mut(method))
        {
            complete(operation, route);
        }
    }
    document
}

/// What follows from how every address is built: who may enter, what is refused, what is cached.
fn complete(operation: &mut Value, route: &Route) {
    operation["operationId"] = name_of(route).into();
    if let Gate::May(capability) = route.gate {
        operation["security"] = json!([{"key": []}]);
        let takes = format!("Takes the role {}.", capability.least_role());
        let told = operation["description"].as_str().unwrap_or_default();
        operation["description"] = format!("{told}\n\n{takes}").trim().into();
    }
    let mut refused = vec![
        (
            "400",
            "A parameter that there is not, or one that makes no sense",
        ),
        ("401", "No key, or one that does not work"),
        ("403", "The role of the key does not reach"),
        (
            "429",
            "Too many requests; Retry-After says when to ask again",
        ),
        ("500", "A fault of wirewatch"),
        ("503", "Not at present; Retry-After says when to ask again"),
    ];
    if route.path.contains('{')
        || matches!(&operation["tags"][0], Value::String(tag) if tag == "matches" || tag == "articles")
    {
        refused.push(("404", "There is no such thing"));
    }
    if route.method == "POST" {
        refused.push(("409", "Not as things stand"));
    }
    for (status, why) in refused {
        operation["responses"][status] = json!({
            "description": why,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
    }
    let is_kept = route.method == "GET" && !route.path.ends_with("/export");
    if is_kept {
        operation["responses"]["304"] =
            json!({"description": "As the answer with the ETag of If-None-Match"});
        operation["responses"]["200"]["headers"] =
            json!({"ETag": {"schema": {"type": "string"}, "description": "Of the answer"}});
    }
}

/// The name of an operation, as clients that are generated call it: `get_feeds_id`.
fn name_of(route: &Route) -> String {
    let words = route.path[BASE.len()..]
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let method = route.method.to_ascii_lowercase();
    std::iter::once(method.as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn word_of(words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    text().enum_values(Some(words)).into()
}

impl PartialSchema for Field {
    fn schema() -> RefOr<Schema> {
        word_of(["title", "summary", "content"])
    }
}

impl ToSchema for Field {}

impl PartialSchema for Kind {
    fn schema() -> RefOr<Schema> {
        word_of(Self::ALL.iter().map(|kind| kind.as_str()))
    }
}

impl ToSchema for Kind {}

impl PartialSchema for Trouble {
    fn schema() -> RefOr<Schema> {
        text()
            .description(Some("What is wrong, in one word"))
            .into()
    }
}

impl ToSchema for Trouble {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, in UTC"))
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Schedule {
    fn schema() -> RefOr<Schema> {
        let texts = || openapi::ArrayBuilder::new().items(text());
        ObjectBuilder::new()
            .property("zone", text().description(Some("IANA name")))
            .property("days", texts())
            .property("times", texts().description(Some("As 07:30")))
            .property("quiet", texts().description(Some("Dates without an issue")))
            .into()
    }
}

impl ToSchema for Schedule {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_of_the_api_is_described_and_nothing_else_is() {
        let routes: BTreeSet<(String, String)> = ROUTES
            .iter()
            .filter(|route| route.path.starts_with(BASE))
            .map(|route| (route.path.to_owned(), route.method.to_ascii_lowercase()))
            .collect();
        let described: BTreeSet<(String, String)> = description()["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(|method| (path.clone(), method.clone()))
            })
            .collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_says_what_is_refused() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        found.insert(reference.clone());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = description();
        let forms = &document["components"]["schemas"]["ArticlesAnswer"];
        assert_eq!(forms["anyOf"].as_array().map(Vec::len), Some(2), "{forms}");
        let mut found = BTreeSet::new();
        references(document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let mut names = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                assert!(names.insert(operation["operationId"].as_str()), "{path}");
                assert!(operation["summary"].is_string(), "{path}");
                assert!(operation["security"].is_array(), "{path}");
                for status in ["401", "403", "429", "503"] {
                    let refusal = &operation["responses"][status]["content"];
                    assert!(refusal["application/problem+json"].is_object(), "{path}");
                }
            }
        }
    }

    #[test]
    fn words_are_described_as_they_are_written() {
        fn is_described<T: serde::Serialize + PartialSchema>(values: &[T]) {
            let schema = serde_json::to_value(T::schema()).unwrap();
            let words = schema["enum"].as_array().unwrap();
            assert_eq!(words.len(), values.len());
            for value in values {
                assert!(words.contains(&serde_json::to_value(value).unwrap()));
            }
        }
        is_described(&[Field::Title, Field::Summary, Field::Content]);
        is_described(Kind::ALL);
    }
}
