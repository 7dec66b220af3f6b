fn boxed(Path(name): Path<String>) -> BoxFuture<'static, String> {
    use ::underscore_runtime::__private::{
        AwaitPoint as __UnderscorePoint, at as __underscore_at,
    };
    static __UNDERSCORE_POINTS: [__UnderscorePoint; 1] = [
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::boxed"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "find(name)",
        ),
    ];
    let name = name.to_lowercase();
    Box::pin(async move {
        let __underscore_handler = {
            use ::underscore_runtime::__private as __underscore;
            static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
                    ::core::concat!(::core::module_path!(), "::boxed"),
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                )
                .keep();
            #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
            #[linkme(crate = __underscore::linkme)]
            static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
            __underscore::handler(&__UNDERSCORE_ENTRY)
        };
        __underscore_at(find(name), &__UNDERSCORE_POINTS[0]).await
    })
}
