//! A module that shadows every name that generated code could use.

use axum::Router;
use axum::routing::{get, post};

use crate::support::Service;

#[allow(
    dead_code,
    unused_macros,
    non_camel_case_types,
    reason = "they are there to be in the way"
)]
mod hostile {
    /// Shadows types and traits.
    macro_rules! structs {
        ($($name:ident)*) => { $( struct $name; )* };
    }

    structs! {
        bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize
        Box Option Result String Vec Some None Ok Err
        AsMut AsRef Clone Copy Default Drop Eq Extend Fn FnMut FnOnce From Future Into IntoFuture IntoIterator Iterator
        Ord PartialEq PartialOrd Send Sized Sync ToOwned ToString TryFrom TryInto Unpin
        AwaitPoint At Call Declared Annotated MethodFilter Response HandlerEntry KeptHandler Within Hold Place Lock KnownLock UnknownLock
    }

    mod core {}
    mod std {}
    mod alloc {}
    mod axum {}
    mod linkme {}
    mod private {}
    mod tokio {}
    mod tracing {}
    mod underscore_macros {}
    mod underscore_runtime {}

    /// Shadows macros with ones that do not compile if they are called.
    macro_rules! macros {
        ($($name:ident)*) => { $(
            macro_rules! $name { ($d:tt) => { not a single word of Rust } }
        )* };
    }

    macros! {
        addr_of assert assert_eq cfg column compile_error concat debug_assert env file format include_str line
        matches module_path panic stringify todo unimplemented unreachable vec write
    }

    fn drop<T>(_: T) {}
    fn at() {}
    fn at_lock() {}
    fn at_guard() {}
    fn acquired() {}
    fn hold() {}
    fn within() {}
    fn request_context() {}
    fn handler() {}

    #[::underscore_runtime::underscore_route]
    pub(super) async fn bare() -> &'static ::core::primitive::str {
        ::std::future::ready("bare").await
    }

    #[::underscore_runtime::underscore_route(get, "/declared/{word}", name = "hygienic")]
    pub(super) async fn declared(
        ::axum::extract::State(state): ::axum::extract::State<::core::primitive::u8>,
        ::axum::extract::Path(word): ::axum::extract::Path<::std::string::String>,
    ) -> ::std::string::String {
        let state = framed(state).await;
        ::std::format!("{word} {state}")
    }

    #[::underscore_runtime::underscore_route(any, "/body")]
    pub(super) async fn body(
        method: ::axum::http::Method,
        request: ::axum::extract::Request,
    ) -> ::std::string::String {
        let same = ::std::future::ready(method == *request.method()).await;
        ::std::format!("{same}")
    }

    #[::underscore_runtime::underscore_route(post, "/json")]
    pub(super) async fn json(
        _: ::axum::Json<::core::primitive::u8>,
    ) -> ::core::result::Result<&'static ::core::primitive::str, ::axum::http::StatusCode> {
        ::core::result::Result::Ok("json")
    }

    #[::underscore_runtime::underscore_route]
    pub(super) async fn generic<
        T: ::core::marker::Send + ::core::marker::Sync + ::core::clone::Clone + 'static,
    >(
        _: ::axum::extract::State<T>,
    ) -> &'static ::core::primitive::str {
        let joined = async { ::std::future::ready("generic").await };
        joined.await
    }

    #[::underscore_runtime::underscore_route]
    pub(super) fn future()
    -> impl ::core::future::Future<Output = &'static ::core::primitive::str> + ::core::marker::Send
    {
        async { ::std::future::ready("future").await }
    }

    #[::underscore_runtime::underscore_frame]
    async fn framed(state: ::core::primitive::u8) -> ::core::primitive::u8 {
        ::std::future::ready(state).await
    }

    #[::underscore_runtime::underscore_route]
    pub(super) async fn guards() -> ::std::string::String {
        let locks = [::tokio::sync::Mutex::new(1), ::tokio::sync::Mutex::new(2)];
        let hold = locks[0].lock().await;
        let at = guard(&locks[1]).await;
        let ::core::result::Result::Ok(acquired) = locks[1].try_lock() else {
            ::std::future::ready(()).await;
            let sum = *hold + *at;
            drop::<::tokio::sync::MutexGuard<'_, _>>(hold);
            ::std::future::ready(()).await;
            return ::std::format!("{sum}");
        };
        ::std::future::ready(()).await;
        ::std::format!("{acquired}")
    }

    #[::underscore_runtime::underscore_frame]
    async fn guard<T>(lock: &::tokio::sync::Mutex<T>) -> ::tokio::sync::MutexGuard<'_, T> {
        lock.lock().await
    }

    #[::underscore_runtime::underscore_route(inner = plain)]
    pub(super) async fn called() -> &'static ::core::primitive::str {
        "called"
    }

    #[::underscore_runtime::underscore_route(get, "/kept", name = "hygienic.kept", keep)]
    pub(super) async fn kept() -> &'static ::core::primitive::str {
        ::std::future::ready("kept").await
    }

    pub(super) async fn calls() -> &'static ::core::primitive::str {
        plain().await
    }
}

#[tokio::test]
async fn generated_code_is_independent_of_names_in_its_module() {
    let app = Router::new()
        .route("/bare", get(hostile::bare))
        .route("/declared/{word}", get(hostile::declared))
        .route("/body", get(hostile::body))
        .route("/json", post(hostile::json))
        .route("/generic", get(hostile::generic::<u8>))
        .route("/future", get(hostile::future))
        .route("/guards", get(hostile::guards))
        .route("/called", get(hostile::called))
        .route("/kept", get(hostile::kept))
        .route("/calls", get(hostile::calls))
        .with_state(7_u8);
    let service = Service::start(app).await;
    for (path, expected) in [
        ("/bare", "bare"),
        ("/declared/x", "x 7"),
        ("/body", "true"),
        ("/generic", "generic"),
        ("/future", "future"),
        ("/guards", "3"),
        ("/called", "called"),
        ("/calls", "called"),
        ("/kept", "kept"),
    ] {
        assert_eq!(service.get(path).await.text, expected, "{path}");
    }
    let request = service.request(reqwest::Method::POST, "/json").json(&1);
    let answer = request.send().await.expect("it is answered");
    assert_eq!(answer.text().await.expect("text"), "json");
}
