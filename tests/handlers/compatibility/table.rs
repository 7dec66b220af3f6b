//! The macro `table`: handlers, requests and responses, on two servers, one with the attribute.
//! Requests go over loopback, so that connections, upgrades and client addresses are real.

use axum::extract::DefaultBodyLimit;
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use axum_extra::extract::cookie::Key;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::{App, LONGEST_BODY, Word};
use crate::support::{Answer, Service};

/// A handler with its requests.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Source text of its arguments.
    pub(crate) arguments: &'static str,
    pub(crate) path: &'static str,
    pub(crate) with: MethodRouter<App>,
    pub(crate) without: MethodRouter<App>,
    pub(crate) exchanges: Vec<Exchange>,
}

/// A request with the expected status and body.
pub(crate) type Exchange = (Sent, u16, &'static str);

/// Generates the function `cases`. The line above a handler is its path, the lines below it are
/// requests with their expected responses.
macro_rules! table {
    ($(
        $path:literal
        $(#[$attribute:meta])*
        async fn $name:ident ($($arguments:tt)*) $(-> $returned:ty)? $body:block
        $($sent:expr => $status:literal $text:literal)+;
    )+) => {
        #[allow(
            clippy::unused_async, clippy::too_many_lines, clippy::needless_pass_by_value,
            reason = "handlers of a table are small, and what they take they own"
        )]
        pub(crate) fn cases() -> Vec<$crate::compatibility::table::Case> {
            vec![$($crate::compatibility::table::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                arguments: stringify!($($arguments)*),
                path: $path,
                with: {
                    #[underscore_runtime::underscore_route]
                    $(#[$attribute])*
                    async fn $name($($arguments)*) $(-> $returned)? $body
                    axum::routing::any($name)
                },
                without: {
                    $(#[$attribute])*
                    async fn $name($($arguments)*) $(-> $returned)? $body
                    axum::routing::any($name)
                },
                exchanges: vec![$(($sent, $status, $text)),+],
            }),+]
        }
    };
}
pub(crate) use table;

/// A request for both servers.
pub(crate) struct Sent {
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

pub(crate) fn get(path: &'static str) -> Sent {
    Sent {
        method: Method::GET,
        path,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

/// A POST with a body of this content type.
pub(crate) fn post(path: &'static str, content_type: &str, body: impl Into<Vec<u8>>) -> Sent {
    let sent = Sent {
        method: Method::POST,
        body: body.into(),
        ..get(path)
    };
    sent.header("content-type", content_type)
}

impl Sent {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    async fn to(&self, service: &Service) -> Answer {
        let mut request = service
            .request(self.method.clone(), self.path)
            // Without this, the header has the port.
            .header("host", "service.test")
            .body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Answer::of(request.send().await.expect("the service answers")).await
    }
}

/// Prefix of nested paths.
const NESTED: &str = "/nested/{part}";

fn router(cases: &[Case], of: fn(&Case) -> &MethodRouter<App>) -> Router {
    let (mut outer, mut nested) = (Router::new(), Router::new());
    for case in cases {
        match case.path.strip_prefix(NESTED) {
            Some(path) => nested = nested.route(path, of(case).clone()),
            None => outer = outer.route(case.path, of(case).clone()),
        }
    }
    outer
        .nest(NESTED, nested)
        .layer(Extension(Word("layer")))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(App {
            greeting: "hello",
            key: Key::from(&[7; 64]),
        })
}

/// Sends every request to both servers.
pub(crate) async fn play(cases: Vec<Case>) {
    let with = Service::start(router(&cases, |case| &case.with)).await;
    let without = Service::start(router(&cases, |case| &case.without)).await;
    let mut wrong = Vec::new();
    for case in &cases {
        for (sent, status, text) in &case.exchanges {
            let (ours, theirs) = (sent.to(&with).await, sent.to(&without).await);
            let name = format!("{} {} {}", case.name, sent.method, sent.path);
            if told(&ours) != told(&theirs) {
                wrong.push(format!("{name} differs:\n{ours:#?}\nand\n{theirs:#?}"));
            }
            if theirs.status != *status || !reads(&theirs.text, text) {
                let (status, text) = (theirs.status, &theirs.text);
                wrong.push(format!("{name} is answered with {status} {text:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_counted(&with, &cases).await;
}

/// True if `text` is the expected one. A final `…` stands for the details of a rejection.
fn reads(text: &str, expected: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(begin) => text.starts_with(begin),
        None => text == expected,
    }
}

/// The response without its date.
fn told(answer: &Answer) -> (u16, &str, HeaderMap, &str) {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    (answer.status, &answer.reason, headers, &answer.text)
}

/// Asserts that each request to the server with the attribute was counted.
async fn assert_counted(service: &Service, cases: &[Case]) {
    let rows = "_cat/routes?format=json&h=handler,stats.req.total";
    let rows = service.admin_json(rows).await;
    for case in cases {
        // One row per method.
        let rows = rows.as_array().expect("a table").iter();
        let rows = rows.filter(|row| row["handler"] == case.name);
        let counted = rows
            .filter_map(|row| row["stats.req.total"].as_u64())
            .sum::<u64>();
        // A redirected client sends another request.
        let sent = case.exchanges.len() as u64;
        assert!(counted >= sent, "{}: {counted} of {sent}", case.name);
    }
}
