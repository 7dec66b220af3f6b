#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations)]
enum __UnderscoreRoute_chat__to_call_it_write_inner {}
fn chat(
    __call: ::underscore_runtime::__private::Call<
        __UnderscoreRoute_chat__to_call_it_write_inner,
        (State<Room>, WebSocketUpgrade),
    >,
) -> impl ::core::future::Future<Output = ::underscore_runtime::__private::Response> {
    __call.run(|(__arg0, __arg1)| chat_inner(__arg0, __arg1))
}
#[allow(clippy::single_call_fn, clippy::unused_async)]
#[doc(hidden)]
async fn chat_inner(State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    use ::underscore_runtime::__private::{
        AwaitPoint as __UnderscorePoint, at as __underscore_at,
    };
    static __UNDERSCORE_POINTS: [__UnderscorePoint; 1] = [
        __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::chat"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "track(\"chat\", talk(socket, room))",
            )
            .depth(3),
    ];
    upgrade
        .on_upgrade({
            let __underscore_request = ::underscore_runtime::__private::request_context();
            |socket| {
                __underscore_request
                    .wrap(async move {
                        let _ = __underscore_at(
                                track("chat", talk(socket, room)),
                                &__UNDERSCORE_POINTS[0],
                            )
                            .await;
                    })
            }
        })
}
const _: () = {
    use ::underscore_runtime::__private as __underscore;
    static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
            ::core::concat!(::core::module_path!(), "::chat"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        )
        .method("ANY")
        .path("/chat")
        .arguments(
            &[
                __underscore::AwaitPoint::new(
                    ::core::concat!(::core::module_path!(), "::chat"),
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    "State(room): State<Room>",
                ),
                __underscore::AwaitPoint::new(
                    ::core::concat!(::core::module_path!(), "::chat"),
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    "upgrade: WebSocketUpgrade",
                ),
            ],
        );
    #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
    #[linkme(crate = __underscore::linkme)]
    static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    impl __underscore::Annotated for __UnderscoreRoute_chat__to_call_it_write_inner {
        const ENTRY: &'static __underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    }
    impl __underscore::Declared for __UnderscoreRoute_chat__to_call_it_write_inner {
        const METHOD: ::core::option::Option<__underscore::MethodFilter> = ::core::option::Option::None;
        const PATH: &'static ::core::primitive::str = "/chat";
    }
};
