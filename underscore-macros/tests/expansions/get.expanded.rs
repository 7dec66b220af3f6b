/// Waits for a connection.
async fn get<T: Manager>(&self) -> Result<Connection<T>, T::Error> {
    use ::underscore_runtime::__private::{
        AwaitPoint as __UnderscorePoint, at as __underscore_at,
        at_guard as __underscore_at_guard, hold as __underscore_hold, KnownLock as _,
        Place as __UnderscorePlace, UnknownLock as _,
    };
    static __UNDERSCORE_POINTS: [__UnderscorePoint; 4] = [
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::get"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "self.permits.acquire()",
        ),
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::get"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "self.ready()",
        ),
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::get"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "sleep(self.patience)",
        ),
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::get"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "self.manager.connect(permit)",
        ),
    ];
    let permit = __underscore_at_guard(
            __UnderscorePlace(&self.permits).__underscore_address(),
            self.permits.acquire(),
            &__UNDERSCORE_POINTS[0],
        )
        .await?;
    let mut __underscore_hold_0 = __underscore_hold(&__UNDERSCORE_POINTS[0..1], &permit);
    tokio::select! {
        connection = __underscore_at(self.ready(), & __UNDERSCORE_POINTS[1]) =>
        Ok(connection), () = __underscore_at(sleep(self.patience), &
        __UNDERSCORE_POINTS[2]) => { __underscore_hold_0.pass_on(); __underscore_at(self
        .manager.connect(permit), & __UNDERSCORE_POINTS[3]). await },
    }
}
