#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations)]
pub enum __UnderscoreRoute_login__to_call_it_write_inner {}
/// Opens a session.
pub fn login<DB: Database>(
    __call: ::underscore_runtime::__private::Call<
        __UnderscoreRoute_login__to_call_it_write_inner,
        (State<App<DB>>, Json<Login>),
    >,
) -> impl ::core::future::Future<Output = ::underscore_runtime::__private::Response>
where
    Result<Json<Session>, LoginError>: ::core::marker::Sized,
{
    #[allow(clippy::single_call_fn, clippy::unused_async)]
    async fn login<DB: Database>(
        State(app): State<App<DB>>,
        Json(login): Json<Login>,
    ) -> Result<Json<Session>, LoginError> {
        use ::underscore_runtime::__private::{
            AwaitPoint as __UnderscorePoint, at as __underscore_at,
            at_guard as __underscore_at_guard, hold as __underscore_hold,
        };
        static __UNDERSCORE_POINTS: [__UnderscorePoint; 2] = [
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::login"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "app.database.find(&login.user)",
            ),
            __UnderscorePoint::new(
                ::core::concat!(::core::module_path!(), "::login"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
                "app.sessions.open(user.id)",
            ),
        ];
        let user = __underscore_at_guard(
                0,
                app.database.find(&login.user),
                &__UNDERSCORE_POINTS[0],
            )
            .await?;
        let __underscore_hold_0 = __underscore_hold(&__UNDERSCORE_POINTS[0..1], &user);
        let session = match user.check(&login.password) {
            Ok(()) => {
                __underscore_at(app.sessions.open(user.id), &__UNDERSCORE_POINTS[1])
                    .await
            }
            Err(wrong) => return Err(wrong.into()),
        };
        Ok(Json(session))
    }
    __call.run_generic(|(__arg0, __arg1)| login::<DB>(__arg0, __arg1))
}
const _: () = {
    use ::underscore_runtime::__private as __underscore;
    static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
            ::core::concat!(::core::module_path!(), "::login"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        )
        .name("login")
        .method("POST")
        .path("/login")
        .arguments(
            &[
                __underscore::AwaitPoint::new(
                    ::core::concat!(::core::module_path!(), "::login"),
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    "State(app): State<App<DB>>",
                ),
                __underscore::AwaitPoint::new(
                    ::core::concat!(::core::module_path!(), "::login"),
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    "Json(login): Json<Login>",
                ),
            ],
        );
    #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
    #[linkme(crate = __underscore::linkme)]
    static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    impl __underscore::Annotated for __UnderscoreRoute_login__to_call_it_write_inner {
        const ENTRY: &'static __underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
    }
    impl __underscore::Declared for __UnderscoreRoute_login__to_call_it_write_inner {
        const METHOD: ::core::option::Option<__underscore::MethodFilter> = ::core::option::Option::Some(
            __underscore::MethodFilter::POST,
        );
        const PATH: &'static ::core::primitive::str = "/login";
    }
};
