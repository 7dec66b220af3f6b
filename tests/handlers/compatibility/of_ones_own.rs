//! A service's own extractors: implemented by hand and derived, generic over the state, boxed by
//! `async_trait`, in generic handlers.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::rejection::JsonRejection;
use axum::extract::{
    FromRef, FromRequest, FromRequestParts, OptionalFromRequest, OptionalFromRequestParts, Path,
    Request, State,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestPartsExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::App;
use super::table::{get, post, table};

const JSON: &str = "application/json";

/// Implemented by hand, with a part of any state.
struct Greeting(&'static str);

#[derive(Clone)]
struct Word(&'static str);

impl FromRef<App> for Word {
    fn from_ref(app: &App) -> Self {
        Word(app.greeting)
    }
}

impl<S> FromRequestParts<S> for Greeting
where
    Word: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        std::future::ready(Ok(Greeting(Word::from_ref(state).0))).await
    }
}

/// Optional and fallible.
struct User(String);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let found = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        found.ok_or_else(|| {
            (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")]).into_response()
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        let Some(user) = parts.headers.get("x-user") else {
            return Ok(None);
        };
        match user.to_str() {
            Ok(user) => Ok(Some(User(user.to_owned()))),
            Err(_) => Err(StatusCode::BAD_REQUEST.into_response()),
        }
    }
}

/// Generic over the wrapped extractor and its kind.
struct Checked<T>(T);

impl<S, T, M> FromRequest<S, (M, u8)> for Checked<T>
where
    S: Send + Sync,
    T: FromRequest<S, M>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if request.headers().contains_key("x-unchecked") {
            return Err((StatusCode::PRECONDITION_FAILED, "unchecked").into_response());
        }
        let inner = T::from_request(request, state).await;
        inner.map(Checked).map_err(IntoResponse::into_response)
    }
}

/// Optional, and consumes the body.
struct Note(String);

impl<S: Send + Sync> FromRequest<S> for Note {
    type Rejection = StatusCode;

    async fn from_request(request: Request, state: &S) -> Result<Self, StatusCode> {
        let text = String::from_request(request, state).await;
        text.map(Note).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)
    }
}

impl<S: Send + Sync> OptionalFromRequest<S> for Note {
    type Rejection = StatusCode;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, StatusCode> {
        if !request.headers().contains_key("content-type") {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state)
            .await
            .map(Some)
    }
}

/// Derived, via an extractor of axum, with the service's own rejection.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Refused))]
struct AppJson<T>(T);

struct Refused(StatusCode, String);

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        Refused(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

/// Derived, field by field.
#[derive(FromRequestParts)]
#[from_request(state(App))]
struct Head {
    #[from_request(via(State))]
    word: Word,
    #[from_request(via(Path))]
    number: u8,
    headers: HeaderMap,
    user: Option<User>,
}

#[derive(FromRequest)]
#[from_request(state(App))]
struct Whole {
    greeting: Greeting,
    #[from_request(via(Json))]
    login: Login,
}

/// Derived, as one of several.
#[derive(FromRequest)]
#[from_request(via(Json))]
#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u8),
    Word(String),
}

/// A service behind a trait of `async_trait`.
#[async_trait]
trait Store: Send + Sync {
    async fn find(&self, number: u8) -> Option<String>;
}

struct Words;

#[async_trait]
impl Store for Words {
    async fn find(&self, number: u8) -> Option<String> {
        std::future::ready((number == 7).then(|| "seven".to_owned())).await
    }
}

/// Calls a boxed service during extraction.
struct FromStore(Arc<dyn Store>);

impl FromRef<App> for FromStore {
    fn from_ref(_: &App) -> Self {
        FromStore(Arc::new(Words))
    }
}

impl Clone for FromStore {
    fn clone(&self) -> Self {
        FromStore(self.0.clone())
    }
}

/// Of a type that only its handler names.
struct Entity<T, const LOUD: bool>(String, PhantomData<fn() -> T>);

impl<S, T, const LOUD: bool> FromRequestParts<S> for Entity<T, LOUD>
where
    S: Send + Sync,
    T: DeserializeOwned + Into<u8> + Send + 'static,
    FromStore: FromRef<S>,
{
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = parts.extract::<Path<T>>().await;
        let Path(number) = path.map_err(|rejection| (rejection.status(), rejection.body_text()))?;
        let found = FromStore::from_ref(state).0.find(number.into()).await;
        let found = found.ok_or((StatusCode::NOT_FOUND, "no such entity".to_owned()))?;
        let mark = if LOUD { "!" } else { "" };
        Ok(Entity(found + mark, PhantomData))
    }
}

table! {
    "/greeting"
    async fn of_the_state(Greeting(word): Greeting) -> &'static str { word }
    get("/greeting") => 200 "hello";

    "/user"
    async fn refused(User(user): User) -> String { user }
    get("/user").header("x-user", "ann") => 200 "ann"
    get("/user") => 401 "";

    "/user/optional"
    async fn optional(user: Option<User>) -> String { format!("{:?}", user.map(|user| user.0)) }
    get("/user/optional").header("x-user", "ann") => 200 "Some(\"ann\")"
    get("/user/optional").header("x-user", "\u{fc}") => 400 ""
    get("/user/optional") => 200 "None";

    "/user/result"
    async fn or_its_rejection(user: Result<User, Response>) -> Result<String, Response> {
        user.map(|user| user.0).map_err(|rejection| (StatusCode::FOUND, rejection).into_response())
    }
    get("/user/result") => 302 "";

    "/checked/parts"
    async fn around_parts(Checked(User(user)): Checked<User>) -> String { user }
    get("/checked/parts").header("x-user", "ann") => 200 "ann"
    get("/checked/parts").header("x-unchecked", "1") => 412 "unchecked";

    "/checked/body"
    async fn around_a_body(Checked(Json(value)): Checked<Json<Value>>) -> String { value.to_string() }
    post("/checked/body", JSON, "[7]") => 200 "[7]"
    post("/checked/body", JSON, "[") => 400 "Failed to parse the request body as …";

    "/note"
    async fn body(Note(text): Note) -> String { text }
    post("/note", "text/plain", "ann") => 200 "ann"
    post("/note", "text/plain", [0xff]) => 422 "";

    "/note/optional"
    async fn optional_body(note: Option<Note>) -> String { format!("{:?}", note.map(|note| note.0)) }
    post("/note/optional", "text/plain", "ann") => 200 "Some(\"ann\")"
    post("/note/optional", "text/plain", [0xff]) => 422 ""
    get("/note/optional") => 200 "None";

    "/derived/via"
    async fn derived_via(AppJson(login): AppJson<Login>) -> String { login.user }
    post("/derived/via", JSON, r#"{"user": "ann"}"#) => 200 "ann"
    post("/derived/via", JSON, "{}") => 422 "{\"error\":\"Failed to deserialize the …";

    "/derived/parts/{number}"
    async fn derived_from_parts(head: Head) -> String {
        let user = head.user.map(|user| user.0).unwrap_or_default();
        format!("{} {} {} {user}", head.word.0, head.number, head.headers.contains_key("x-user"))
    }
    get("/derived/parts/7").header("x-user", "ann") => 200 "hello 7 true ann"
    get("/derived/parts/7") => 200 "hello 7 false "
    get("/derived/parts/x") => 400 "Invalid URL: Cannot parse `x` to a `u8`";

    "/derived/whole"
    async fn derived_from_the_whole(Whole { greeting, login }: Whole) -> String { format!("{} {}", greeting.0, login.user) }
    post("/derived/whole", JSON, r#"{"user": "ann"}"#) => 200 "hello ann"
    post("/derived/whole", JSON, "{}") => 422 "Failed to deserialize the JSON body …";

    "/derived/either"
    async fn derived_for_an_enum(either: Either) -> String {
        match either {
            Either::Number(number) => format!("number {number}"),
            Either::Word(word) => format!("word {word}"),
        }
    }
    post("/derived/either", JSON, "7") => 200 "number 7"
    post("/derived/either", JSON, "\"ann\"") => 200 "word ann"
    post("/derived/either", JSON, "[]") => 422 "Failed to deserialize the JSON body …";

    "/boxed/{number}"
    async fn of_a_boxed_trait(State(store): State<FromStore>, Path(number): Path<u8>) -> Result<String, StatusCode> {
        store.0.find(number).await.ok_or(StatusCode::NOT_FOUND)
    }
    get("/boxed/7") => 200 "seven"
    get("/boxed/8") => 404 "";

    "/entity/{number}"
    async fn of_a_type_with_parameters(Entity(found, _): Entity<u8, true>) -> String { found }
    get("/entity/7") => 200 "seven!"
    get("/entity/8") => 404 "no such entity"
    get("/entity/x") => 400 "Invalid URL: Cannot parse `x` to a `u8`";
}
