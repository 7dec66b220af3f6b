#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations)]
enum __UnderscoreRoute_health__to_call_it_write_inner {}
fn health(
    __call: ::underscore_runtime::__private::Call<
        __UnderscoreRoute_health__to_call_it_write_inner,
        (),
    >,
) -> impl ::core::future::Future<Output = ::underscore_runtime::__private::Response> {
    #[allow(clippy::single_call_fn, clippy::unused_async)]
    async fn health() -> StatusCode {
        StatusCode::OK
    }
    __call.run(|()| health())
}
const _: () = {
    use ::underscore_runtime::__private as __underscore;
    static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
        ::core::concat!(::core::module_path!(), "::health"),
        ::core::file!(),
        ::core::line!(),
        ::core::column!(),
    );
    #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
    #[linkme(crate = __underscore::linkme)]
    static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    impl __underscore::Annotated for __UnderscoreRoute_health__to_call_it_write_inner {
        const ENTRY: &'static __underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    }
};
