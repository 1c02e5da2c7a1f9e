//! The API for people who write programs: its description, laid out.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::Value;

use super::frame::Frame;
use crate::web::{api::openapi, reading};

/// The page.
#[derive(Debug, Template, WebTemplate)]
#[template(path = "api.html")]
pub(crate) struct ApiPage {
    frame: Frame,
    about: String,
    groups: Vec<Group>,
    shapes: Vec<Shape>,
}

/// Addresses about one thing.
#[derive(Debug)]
struct Group {
    name: String,
    about: String,
    operations: Vec<Operation>,
}

/// What can be asked at an address.
#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    summary: String,
    about: Vec<String>,
    parameters: Vec<Field>,
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct Answer {
    status: String,
    about: String,
    shape: Option<String>,
}

/// An object of answers.
#[derive(Debug)]
struct Shape {
    name: String,
    about: String,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: Kind,
    about: String,
}

/// The type of a value, and the shape that it leads to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kind {
    words: String,
    shape: Option<String>,
}

/// Answers with the page.
pub(crate) async fn show() -> ApiPage {
    view(openapi::description())
}

fn view(document: &Value) -> ApiPage {
    ApiPage {
        frame: Frame::bare(reading::current().texts.api_title),
        about: text(&document["info"]["description"]),
        groups: items(&document["tags"])
            .map(|tag| group(document, tag))
            .collect(),
        shapes: fields(&document["components"]["schemas"])
            .map(|(name, schema)| Shape {
                name: name.clone(),
                about: text(&schema["description"]),
                fields: properties(schema),
            })
            .filter(|shape| !shape.fields.is_empty())
            .collect(),
    }
}

fn group(document: &Value, tag: &Value) -> Group {
    let mut operations = Vec::new();
    for (path, methods) in fields(&document["paths"]) {
        for (method, operation) in fields(methods) {
            if operation["tags"][0] == tag["name"] {
                operations.push(Operation::new(method, path, operation));
            }
        }
    }
    Group {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations,
    }
}

impl Operation {
    fn new(method: &str, path: &str, operation: &Value) -> Self {
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: text(&operation["description"])
                .split("\n\n")
                .filter(|paragraph| !paragraph.is_empty())
                .map(str::to_owned)
                .collect(),
            parameters: items(&operation["parameters"])
                .map(|parameter| Field {
                    name: text(&parameter["name"]),
                    kind: kind(&parameter["schema"]),
                    about: text(&parameter["description"]),
                })
                .collect(),
            answers: fields(&operation["responses"])
                .map(|(status, answer)| Answer {
                    status: status.clone(),
                    about: text(&answer["description"]),
                    shape: fields(&answer["content"])
                        .next()
                        .and_then(|(_, content)| kind(&content["schema"]).shape),
                })
                .collect(),
        }
    }
}

fn properties(schema: &Value) -> Vec<Field> {
    let own = fields(&schema["properties"]).map(|(name, schema)| Field {
        name: name.clone(),
        kind: kind(schema),
        about: text(&schema["description"]),
    });
    let parts = items(&schema["allOf"]).chain(items(&schema["oneOf"]));
    let of_parts = parts.flat_map(|part| match part.get("$ref") {
        Some(_) => vec![Field {
            name: String::new(),
            kind: kind(part),
            about: text(&part["description"]),
        }],
        None => properties(part),
    });
    own.chain(of_parts).collect()
}

/// The type that a schema stands for: `string (date-time)`, `array of FeedBody`, …
fn kind(schema: &Value) -> Kind {
    if let Some(Value::String(reference)) = schema.get("$ref") {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return Kind {
            words: String::new(),
            shape: Some(name.to_owned()),
        };
    }
    let choices = items(&schema["oneOf"]).chain(items(&schema["anyOf"]));
    if let Some(other) = choices.clone().find(|choice| choice["type"] != "null")
        && choices.count() > 0
    {
        let other = kind(other);
        return Kind {
            words: format!("{} or null", other.words).trim().to_owned(),
            ..other
        };
    }
    let words: Vec<&str> = match &schema["type"] {
        Value::String(word) => vec![word.as_str()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if words.contains(&"array") {
        let of = kind(&schema["items"]);
        return Kind {
            words: format!("array of {}", of.words).trim_end().to_owned(),
            ..of
        };
    }
    let mut words = words.join(" or ");
    for (name, value) in [
        ("format", &schema["format"]),
        ("default", &schema["default"]),
    ] {
        let shown = match value {
            Value::Null => continue,
            Value::String(value) if name == "format" => value.clone(),
            value => format!("{name} {value}"),
        };
        words = format!("{words} ({shown})");
    }
    Kind { words, shape: None }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_is_described_is_laid_out() {
        let document = openapi::description();
        let page = view(document);
        let operations: usize = page.groups.iter().map(|group| group.operations.len()).sum();
        let described: usize = fields(&document["paths"])
            .map(|(_, methods)| fields(methods).count())
            .sum();
        assert_eq!(operations, described);
        let names: Vec<&str> = page
            .shapes
            .iter()
            .map(|shape| shape.name.as_str())
            .collect();
        let lead_to = page.shapes.iter().flat_map(|shape| &shape.fields);
        for field in lead_to {
            if let Some(shape) = &field.kind.shape {
                let schema = &document["components"]["schemas"][shape];
                assert!(
                    names.contains(&shape.as_str()) || schema.is_object(),
                    "{shape}"
                );
            }
        }
    }

    #[test]
    fn a_type_is_told_in_words() {
        let told = |schema: Value| {
            let kind = kind(&schema);
            (kind.words, kind.shape)
        };
        assert_eq!(
            told(json!({"type": ["integer", "null"], "format": "int64", "default": 100})),
            ("integer or null (int64) (default 100)".to_owned(), None)
        );
        assert_eq!(
            told(json!({"type": "array", "items": {"$ref": "#/components/schemas/Hit"}})),
            ("array of".to_owned(), Some("Hit".to_owned()))
        );
        assert_eq!(
            told(json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Timestamp"}]})),
            ("or null".to_owned(), Some("Timestamp".to_owned()))
        );
    }
}
