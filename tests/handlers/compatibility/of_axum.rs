//! Extractors of axum for the head of a request: path, query, headers, the connection, extensions.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{
    ConnectInfo, MatchedPath, NestedPath, OriginalUri, Path, Query, RawPathParams, RawQuery, State,
};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, Uri, Version};
use axum::response::Response;
use axum_extra::extract::cookie::Key;
use serde::Deserialize;

use super::table::{get, table};
use super::{App, Word};

#[derive(Deserialize)]
struct Found {
    number: u8,
    word: String,
}

/// An extension that no request has.
#[derive(Clone)]
struct Missing;

table! {
    "/path/one/{number}"
    async fn path_of_one(Path(number): Path<u8>) -> String { number.to_string() }
    get("/path/one/7") => 200 "7"
    get("/path/one/x") => 400 "Invalid URL: Cannot parse `x` to a `u8`"
    get("/path/one/%ff") => 400 "Invalid URL: Invalid UTF-8 in `number`";

    "/path/tuple/{number}/{word}"
    async fn path_of_a_tuple(Path((number, word)): Path<(u8, String)>) -> String { format!("{number} {word}") }
    get("/path/tuple/7/a%20b") => 200 "7 a b"
    get("/path/tuple/256/a") => 400 "Invalid URL: Cannot parse value at …";

    "/path/struct/{number}/{word}"
    async fn path_of_a_struct(Path(found): Path<Found>) -> String { format!("{} {}", found.number, found.word) }
    get("/path/struct/7/ann") => 200 "7 ann"
    get("/path/struct/x/ann") => 400 "Invalid URL: Cannot parse `number` with …";

    "/path/map/{number}/{*rest}"
    async fn path_of_a_map(Path(map): Path<HashMap<String, String>>) -> String {
        format!("{} {} {}", map.len(), map["number"], map["rest"])
    }
    get("/path/map/7/a/b") => 200 "2 7 a/b";

    "/path/wrong/{number}"
    async fn path_of_too_many(Path(_): Path<(u8, u8)>) {}
    get("/path/wrong/7") => 500 "Wrong number of path arguments for …";

    "/path/some/{number}"
    async fn path_that_may_be_there(path: Option<Path<u8>>) -> String { format!("{:?}", path.map(|path| path.0)) }
    get("/path/some/7") => 200 "Some(7)"
    get("/path/some/x") => 400 "Invalid URL: Cannot parse `x` to a `u8`";

    "/path/none"
    async fn path_that_is_not_there(path: Option<Path<u8>>) -> String { format!("{:?}", path.map(|path| path.0)) }
    get("/path/none") => 200 "None";

    "/path/result/{number}"
    async fn path_or_its_rejection(path: Result<Path<u8>, PathRejection>) -> String {
        path.map_or_else(|rejection| format!("{} {rejection}", rejection.status()), |path| path.0.to_string())
    }
    get("/path/result/7") => 200 "7"
    get("/path/result/x") => 200 "400 Bad Request Cannot parse `x` to a `u8`";

    "/path/raw/{number}/{word}"
    async fn raw_path_params(params: RawPathParams) -> String {
        params.iter().map(|(name, value)| [name, "=", value, ";"].concat()).collect()
    }
    get("/path/raw/7/a%20b") => 200 "number=7;word=a b;"
    get("/path/raw/7/%ff") => 400 "Invalid UTF-8 in `word`";

    "/query"
    async fn query(Query(found): Query<Found>) -> String { format!("{} {}", found.number, found.word) }
    get("/query?number=7&word=a+b") => 200 "7 a b"
    get("/query?number=7") => 400 "Failed to deserialize query string: …"
    get("/query?number=x&word=a") => 400 "Failed to deserialize query string: …";

    "/query/result"
    async fn query_or_its_rejection(query: Result<Query<Found>, QueryRejection>) -> String {
        query.map_or_else(|rejection| rejection.body_text(), |query| query.0.word)
    }
    get("/query/result?number=7&word=ann") => 200 "ann"
    get("/query/result") => 200 "Failed to deserialize query string: …";

    "/query/raw"
    async fn raw_query(RawQuery(query): RawQuery) -> String { format!("{query:?}") }
    get("/query/raw?a=b&&c") => 200 "Some(\"a=b&&c\")"
    get("/query/raw?") => 200 "Some(\"\")"
    get("/query/raw") => 200 "None";

    "/state"
    async fn state(State(app): State<App>, State(key): State<Key>) -> String {
        format!("{} {}", app.greeting, key.master().len())
    }
    get("/state") => 200 "hello 64";

    "/extension"
    async fn extension(Extension(word): Extension<Word>) -> &'static str { word.0 }
    get("/extension") => 200 "layer";

    "/extension/missing"
    async fn extension_that_is_missing(_: Extension<Missing>) {}
    get("/extension/missing") => 500 "Missing request extension: Extension of …";

    "/extension/optional"
    async fn extension_that_may_be_there(word: Option<Extension<Word>>, missing: Option<Extension<Missing>>) -> String {
        format!("{} {}", word.is_some(), missing.is_some())
    }
    get("/extension/optional") => 200 "true false";

    "/head"
    async fn head(method: Method, uri: Uri, version: Version, headers: HeaderMap) -> String {
        format!("{method} {uri} {version:?} {:?}", headers.get_all("x-a").iter().collect::<Vec<_>>())
    }
    get("/head?a=b").header("x-a", "1").header("x-a", "2") => 200 "GET /head?a=b HTTP/1.1 [\"1\", \"2\"]"
    get("/head").method(Method::DELETE) => 200 "DELETE /head HTTP/1.1 []"
    get("/head").method(Method::HEAD) => 200 "";

    "/parts"
    async fn parts(parts: Parts, extensions: Extensions) -> String {
        let word = extensions.get::<Word>().or_else(|| parts.extensions.get()).map(|word| word.0);
        format!("{} {} {word:?}", parts.method, parts.uri)
    }
    get("/parts") => 200 "GET /parts Some(\"layer\")";

    "/tuples"
    async fn tuples((): (), (method, (uri, Path(_))): (Method, (Uri, Path<HashMap<String, String>>)), (Query(found),): (Query<Found>,)) -> String {
        format!("{method} {} {}", uri.path(), found.word)
    }
    get("/tuples?number=1&word=ann") => 200 "GET /tuples ann"
    get("/tuples") => 400 "Failed to deserialize query string: …";

    "/nested/{part}/uris/{number}"
    async fn uris_of_a_nested_router(uri: Uri, OriginalUri(original): OriginalUri, nested: NestedPath, matched: MatchedPath) -> String {
        format!("{uri} {original} {} {}", nested.as_str(), matched.as_str())
    }
    get("/nested/a/uris/7?b=c") => 200 "/uris/7?b=c /nested/a/uris/7?b=c /nested/{part} /nested/{part}/uris/{number}";

    "/nested/{part}/path/{number}"
    async fn path_with_the_prefixs_parameter(Path((part, number)): Path<(String, u8)>) -> String { format!("{part} {number}") }
    get("/nested/a/path/7") => 200 "a 7"
    get("/nested/a/path/x") => 400 "Invalid URL: Cannot parse value at …";

    "/not-nested"
    async fn nested_path_that_is_missing(_: NestedPath) {}
    get("/not-nested") => 500 "The matched route is not nested";

    "/matched"
    async fn matched_path_that_may_be_there(path: Option<MatchedPath>) -> String { format!("{:?}", path.map(|path| path.as_str().to_owned())) }
    get("/matched") => 200 "Some(\"/matched\")";

    "/connection"
    async fn connect_info(ConnectInfo(address): ConnectInfo<SocketAddr>) -> String { address.ip().to_string() }
    get("/connection") => 200 "127.0.0.1";

    "/connection/missing"
    async fn connect_info_that_is_missing(_: ConnectInfo<Missing>) {}
    get("/connection/missing") => 500 "Missing request extension: Extension of …";

    "/websocket"
    async fn websocket_upgrade(ws: WebSocketUpgrade) -> Response { ws.protocols(["chat"]).on_upgrade(async |_| {}) }
    get("/websocket")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "chat") => 101 ""
    get("/websocket").header("connection", "upgrade") => 400 "`Upgrade` header did not include 'websocket'"
    get("/websocket") => 400 "Connection header did not include 'upgrade'";

    "/websocket/result"
    async fn websocket_upgrade_or_its_rejection(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> String {
        ws.map_or_else(|rejection| rejection.to_string(), |_| "an upgrade".to_owned())
    }
    get("/websocket/result") => 200 "Connection header did not include 'upgrade'";
}
