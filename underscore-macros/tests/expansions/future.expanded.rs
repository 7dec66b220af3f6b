#[cfg(feature = "clock")]
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations)]
pub(crate) enum __UnderscoreRoute_now__to_call_it_write_inner {}
#[cfg(feature = "clock")]
pub(crate) fn now(
    __call: framework::reexport::__private::Call<
        __UnderscoreRoute_now__to_call_it_write_inner,
        (),
    >,
) -> impl ::core::future::Future<Output = framework::reexport::__private::Response> {
    #[cfg(feature = "clock")]
    #[tracing::instrument]
    #[allow(clippy::single_call_fn, clippy::unused_async)]
    fn now() -> impl Future<Output = String> {
        use framework::reexport::__private::{
            AwaitPoint as __UnderscorePoint, at as __underscore_at,
        };
        static __UNDERSCORE_POINTS: [__UnderscorePoint; 1] = [
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::now"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "read_clock()",
            ),
        ];
        let started = Instant::now();
        async move {
            format(started, __underscore_at(read_clock(), &__UNDERSCORE_POINTS[0]).await)
        }
    }
    __call.run(|()| now())
}
#[cfg(feature = "clock")]
const _: () = {
    use framework::reexport::__private as __underscore;
    static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
            ::core::concat!(::core::module_path!(), "::now"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        )
        .path("/now");
    #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
    #[linkme(crate = __underscore::linkme)]
    static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    impl __underscore::Annotated for __UnderscoreRoute_now__to_call_it_write_inner {
        const ENTRY: &'static __underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    }
};
