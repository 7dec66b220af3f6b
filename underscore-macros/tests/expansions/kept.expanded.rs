/// A method, with an item at the top of its body.
pub async fn user<'a, T: Clock>(
    &'a self,
    id: u32,
    log: impl Fn(&str),
) -> Result<Json<User>, Error> {
    use ::underscore_runtime::__private::{
        AwaitPoint as __UnderscorePoint, at as __underscore_at,
    };
    static __UNDERSCORE_POINTS: [__UnderscorePoint; 1] = [
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::user"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "self.database.find(Query::Id(id))",
        ),
    ];
    use crate::database::Query;
    let __underscore_handler = {
        use ::underscore_runtime::__private as __underscore;
        static __UNDERSCORE_ENTRY: __underscore::HandlerEntry = __underscore::HandlerEntry::new(
                ::core::concat!(::core::module_path!(), "::user"),
                ::core::file!(),
                ::core::line!(),
                ::core::column!(),
            )
            .name("user")
            .method("GET")
            .path("/users/{id}")
            .keep();
        #[__underscore::linkme::distributed_slice(__underscore::ROUTES)]
        #[linkme(crate = __underscore::linkme)]
        static __UNDERSCORE_LINK: &__underscore::HandlerEntry = &__UNDERSCORE_ENTRY;
        __underscore::handler(&__UNDERSCORE_ENTRY)
    };
    let user = __underscore_at(
            self.database.find(Query::Id(id)),
            &__UNDERSCORE_POINTS[0],
        )
        .await?;
    if user.is_deleted() {
        return Err(Error::Gone);
    }
    log(&user.name);
    Ok(Json(user))
}
