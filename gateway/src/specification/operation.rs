//! What is said of an endpoint, beside what its route says already: method, path and scope.

use actix_web::http::Method;
use schemars::JsonSchema;
use serde_json::{Value, json};
use shared::contract::ErrorCode;

use super::schemas::{self, Type};
use crate::scopes::Scope;

/// An endpoint with all that the specification says of it.
pub struct Described {
    /// How it is asked.
    pub method: Method,
    /// Where, with the names of its parameters in braces.
    pub path: String,
    /// What the key must be good for; `None` where no key is needed.
    pub scope: Option<Scope>,
    /// The rest.
    pub operation: Operation,
}

/// What is said of an endpoint.
#[derive(Default)]
pub struct Operation {
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) bodies: Vec<Content>,
    pub(super) answers: Vec<Answer>,
    pub(super) errors: Vec<ErrorCode>,
    pub(super) idempotent: bool,
    pub(super) beside_errors: Vec<(&'static str, Type)>,
}

/// A parameter of the query, or a header.
pub(super) struct Parameter {
    pub place: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub schema: Schema,
}

/// An answer that is no error.
pub(super) struct Answer {
    pub status: u16,
    pub description: &'static str,
    pub headers: Vec<&'static str>,
    pub contents: Vec<Content>,
}

/// A body.
pub struct Content {
    pub(super) media_type: &'static str,
    pub(super) schema: Schema,
    pub(super) example: Value,
}

/// The shape of a value.
pub(super) enum Schema {
    /// That of a type.
    Of(Type),
    /// The same, with members that are optional in the type.
    Requiring(Type, &'static [&'static str]),
    /// `{"data": ...}`.
    Data(Type),
    /// `{"data": [...], "meta": {...}}`.
    Page(Type),
    /// That of both.
    Both(Box<[Schema; 2]>),
    /// As it stands here.
    Literal(Value),
}

impl Operation {
    /// An operation of this name, in a few words.
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Self { id, summary, ..Self::default() }
    }

    /// More about it, in paragraphs.
    #[must_use]
    pub fn description(self, description: &str) -> Self {
        Self { description: description.to_owned(), ..self }
    }

    /// Two endpoints of one method and path, which are told apart by a header. The name is that of the
    /// second.
    #[must_use]
    pub(super) fn and(self, second: Self) -> Self {
        let mut both = second;
        both.description = format!("{}\n\n{}", both.description, self.description);
        both.parameters.extend(self.parameters);
        let name = |parameter: &Parameter| parameter.name;
        both.parameters.sort_by_key(name);
        both.parameters.dedup_by_key(|parameter| name(parameter));
        for body in self.bodies {
            match both.bodies.iter_mut().find(|other| other.media_type == body.media_type) {
                Some(other) => other.also(body.schema),
                None => both.bodies.push(body),
            }
        }
        both.beside_errors.extend(self.beside_errors);
        both.answers.extend(self.answers);
        both.errors.extend(self.errors);
        both
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self, name: &'static str, description: &'static str) -> Self {
        let (place, schema) = ("query", Schema::Of(schemas::of::<T>()));
        self.parameters.push(Parameter { place, name, description, schema });
        self
    }

    /// A header of the request.
    #[must_use]
    pub fn header(mut self, name: &'static str, description: &'static str, schema: Value) -> Self {
        let (place, schema) = ("header", Schema::Literal(schema));
        self.parameters.push(Parameter { place, name, description, schema });
        self
    }

    /// Which page of a list.
    #[must_use]
    pub fn paging(mut self) -> Self {
        let parameters = [
            (
                "page",
                "Which page, from 1; pages end at row 10,000.",
                json!({"type": "integer", "minimum": 1, "default": 1}),
            ),
            (
                "per_page",
                "Rows of a page; more than 100 are 100.",
                json!({"type": "integer", "minimum": 1, "default": 25}),
            ),
            (
                "cursor",
                "In place of `page`: the `next_cursor` of the page before. It goes past row 10,000.",
                json!({"type": "string"}),
            ),
        ];
        for (name, description, schema) in parameters {
            let (place, schema) = ("query", Schema::Literal(schema));
            self.parameters.push(Parameter { place, name, description, schema });
        }
        self
    }

    /// The caller can name the request, so that its repetition is the same request.
    #[must_use]
    pub fn idempotent(self) -> Self {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"});
        let description = "Makes a retry the same request: the same key and body get the same answer for 24 hours \
                           and more. Printable ASCII.";
        let named = self.header("Idempotency-Key", description, schema);
        Self { idempotent: true, ..named }.errors(&[ErrorCode::IdempotencyMismatch])
    }

    /// What may stand beside an error in its answer.
    #[must_use]
    pub fn beside_errors<T: JsonSchema>(mut self, name: &'static str) -> Self {
        self.beside_errors.push((name, schemas::of::<T>()));
        self
    }

    /// A body that is taken.
    #[must_use]
    pub fn body(mut self, content: Content) -> Self {
        self.bodies.push(content);
        self
    }

    /// An answer that is no error.
    #[must_use]
    pub fn answer(
        self,
        status: u16,
        description: &'static str,
        contents: impl IntoIterator<Item = Content>,
    ) -> Self {
        self.answer_with(&[], status, description, contents)
    }

    /// The same, with these headers beside those of every answer.
    #[must_use]
    pub fn answer_with(
        mut self,
        headers: &[&'static str],
        status: u16,
        description: &'static str,
        contents: impl IntoIterator<Item = Content>,
    ) -> Self {
        let (headers, contents) = (headers.to_vec(), contents.into_iter().collect());
        self.answers.push(Answer { status, description, headers, contents });
        self
    }

    /// Errors beside those that follow from the shape of the request: see [`super::errors`].
    #[must_use]
    pub fn errors(mut self, codes: &[ErrorCode]) -> Self {
        self.errors.extend(codes);
        self
    }
}

const JSON: &str = "application/json";

impl Content {
    /// JSON of a type.
    pub fn json<T: JsonSchema>(example: Value) -> Self {
        Self { media_type: JSON, schema: Schema::Of(schemas::of::<T>()), example }
    }

    /// The same, where members that are optional in the type have to be there.
    pub fn requiring<T: JsonSchema>(members: &'static [&'static str], example: Value) -> Self {
        Self { schema: Schema::Requiring(schemas::of::<T>(), members), ..Self::json::<T>(example) }
    }

    /// `{"data": ...}`.
    pub fn data<T: JsonSchema>(example: Value) -> Self {
        let schema = Schema::Data(schemas::of::<T>());
        Self { media_type: JSON, schema, example: json!({"data": example}) }
    }

    /// A page of a list, with one row as the example.
    pub fn page<T: JsonSchema>(row: Value) -> Self {
        let meta = json!({"page": 1, "per_page": 25, "total": 1, "next_cursor": null});
        let schema = Schema::Page(schemas::of::<T>());
        Self { media_type: JSON, schema, example: json!({"data": [row], "meta": meta}) }
    }

    fn also(&mut self, other: Schema) {
        let own = std::mem::replace(&mut self.schema, Schema::Literal(Value::Null));
        self.schema = Schema::Both(Box::new([own, other]));
    }

    /// Something that is not JSON.
    pub fn text(media_type: &'static str, example: &str) -> Self {
        let schema = Schema::Literal(json!({"type": "string"}));
        Self { media_type, schema, example: json!(example) }
    }

    /// JSON of a shape that is not ours.
    pub fn object(example: Value) -> Self {
        Self { media_type: JSON, schema: Schema::Literal(json!({"type": "object"})), example }
    }
}
