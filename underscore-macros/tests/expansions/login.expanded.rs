#[doc(hidden)]
#[allow(non_camel_case_types, dead_code, unreachable_pub)]
pub struct __UnderscoreRoute_login<DB: ?::core::marker::Sized>(
    ::core::marker::PhantomData<fn() -> (*const DB,)>,
);
/// Opens a session.
pub fn login<DB: Database>(
    __call: ::underscore_runtime::private::Call<__UnderscoreRoute_login<DB>>,
) -> ::underscore_runtime::private::Call<__UnderscoreRoute_login<DB>> {
    __call
}
const _: () = {
    use ::underscore_runtime::private as __underscore;
    #[allow(clippy::unused_async)]
    async fn login<DB: Database>(
        State(app): State<App<DB>>,
        Json(login): Json<Login>,
    ) -> Result<Json<Session>, LoginError> {
        use ::underscore_runtime::private::{
            AwaitPoint as __UnderscorePoint, at as __underscore_at,
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
        let user = __underscore_at(
                app.database.find(&login.user),
                &__UNDERSCORE_POINTS[0],
            )
            .await?;
        let session = match user.check(&login.password) {
            Ok(()) => {
                __underscore_at(app.sessions.open(user.id), &__UNDERSCORE_POINTS[1])
                    .await
            }
            Err(wrong) => return Err(wrong.into()),
        };
        Ok(Json(session))
    }
    static __UNDERSCORE_EXTRACTORS: [__underscore::AwaitPoint; 2] = [
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
    ];
    static __UNDERSCORE_DESCRIPTOR: __underscore::RouteDescriptor = __underscore::RouteDescriptor::new(
            ::core::concat!(::core::module_path!(), "::login"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
        )
        .name("login")
        .method("POST")
        .path("/login");
    #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
    #[linkme(crate = __underscore::linkme)]
    static __UNDERSCORE_ENTRY: &__underscore::RouteDescriptor = &__UNDERSCORE_DESCRIPTOR;
    impl<
        DB: Database,
        __UnderscoreState,
        __UnderscoreVia,
    > __underscore::Endpoint<__UnderscoreState, __UnderscoreVia>
    for __UnderscoreRoute_login<DB>
    where
        DB: 'static,
        __UnderscoreState: ::core::clone::Clone + ::core::marker::Send
            + ::core::marker::Sync + 'static,
        State<
            App<DB>,
        >: __underscore::FromRequestParts<__UnderscoreState> + ::core::marker::Send,
        Json<
            Login,
        >: __underscore::FromRequest<__UnderscoreState, __UnderscoreVia>
            + ::core::marker::Send,
    {
        fn descriptor() -> &'static __underscore::RouteDescriptor {
            &__UNDERSCORE_DESCRIPTOR
        }
        fn call(
            __request: __underscore::Request,
            __state: __UnderscoreState,
        ) -> impl ::core::future::Future<
            Output = __underscore::Answer,
        > + ::core::marker::Send {
            async move {
                let (mut __parts, __body) = __request.into_parts();
                let __arg0 = __underscore::extract_part::<
                    State<App<DB>>,
                    __UnderscoreState,
                >(&mut __parts, &__state, &__UNDERSCORE_EXTRACTORS[0])
                    .await?;
                let __arg1 = __underscore::extract_last::<
                    Json<Login>,
                    __UnderscoreState,
                    __UnderscoreVia,
                >(__parts, __body, &__state, &__UNDERSCORE_EXTRACTORS[1])
                    .await?;
                __underscore::respond(login::<DB>(__arg0, __arg1).await)
            }
        }
    }
};
