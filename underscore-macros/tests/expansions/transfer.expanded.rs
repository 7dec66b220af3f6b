#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations)]
enum __UnderscoreRoute_transfer__to_call_it_write_inner {}
fn transfer(
    __call: ::underscore_runtime::__private::Call<
        __UnderscoreRoute_transfer__to_call_it_write_inner,
        (State<App>,),
    >,
) -> impl ::core::future::Future<Output = ::underscore_runtime::__private::Response> {
    #[allow(clippy::single_call_fn, clippy::unused_async)]
    async fn transfer(State(app): State<App>) -> Result<(), Error> {
        use ::underscore_runtime::__private::{
            AwaitPoint as __UnderscorePoint, at as __underscore_at,
            at_guard as __underscore_at_guard, acquired as __underscore_acquired,
            hold as __underscore_hold, KnownLock as _, Place as __UnderscorePlace,
            UnknownLock as _,
        };
        static __UNDERSCORE_POINTS: [__UnderscorePoint; 7] = [
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "app.permits.try_acquire()",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "app.stock.lock()",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "app.db.begin()",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "tx.take(stock.left)",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "refill(&app)",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "tx.commit()",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::transfer"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "app.bell.ring(permit)",
            ),
        ];
        let Some(permit) = __underscore_acquired(
                __UnderscorePlace(&app.permits).__underscore_address(),
                app.permits.try_acquire(),
                &__UNDERSCORE_POINTS[0],
            )
            .ok() else {
            return Err(Error::Busy);
        };
        let mut __underscore_hold_0 = __underscore_hold(
            &__UNDERSCORE_POINTS[0..1],
            &permit,
        );
        let stock = __underscore_at_guard(
                __UnderscorePlace(&app.stock).__underscore_address(),
                app.stock.lock(),
                &__UNDERSCORE_POINTS[1],
            )
            .await;
        let mut __underscore_hold_1 = __underscore_hold(
            &__UNDERSCORE_POINTS[1..2],
            &stock,
        );
        let mut tx = __underscore_at_guard(0, app.db.begin(), &__UNDERSCORE_POINTS[2])
            .await?;
        let mut __underscore_hold_2 = __underscore_hold(&__UNDERSCORE_POINTS[2..3], &tx);
        __underscore_at(tx.take(stock.left), &__UNDERSCORE_POINTS[3]).await?;
        if stock.is_empty() {
            __underscore_hold_1.release();
            drop(stock);
            __underscore_at(refill(&app), &__UNDERSCORE_POINTS[4]).await;
        }
        __underscore_at(tx.commit(), &__UNDERSCORE_POINTS[5]).await?;
        __underscore_hold_2.release_if_taken_by(&["commit"]);
        __underscore_hold_0.pass_on();
        __underscore_at(app.bell.ring(permit), &__UNDERSCORE_POINTS[6]).await
    }
    __call.run(|(__arg0,)| transfer(__arg0))
}
const _: () = {
    use ::underscore_runtime::__private as __underscore;
    static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
            ::core::concat!(::core::module_path!(), "::transfer"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        )
        .arguments(
            &[
                __underscore::AwaitPoint::new(
                    ::core::concat!(::core::module_path!(), "::transfer"),
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    "State(app): State<App>",
                ),
            ],
        );
    #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
    #[linkme(crate = __underscore::linkme)]
    static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    impl __underscore::Annotated for __UnderscoreRoute_transfer__to_call_it_write_inner {
        const ENTRY: &'static __underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    }
};
