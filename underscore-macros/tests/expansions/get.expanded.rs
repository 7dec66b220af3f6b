/// Waits for a connection.
async fn get<T: Manager>(&self) -> Result<Connection<T>, T::Error> {
    use ::underscore_runtime::__private::{
        AwaitPoint as __UnderscorePoint, at as __underscore_at,
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
    let permit = __underscore_at(self.permits.acquire(), &__UNDERSCORE_POINTS[0]).await?;
    tokio::select! {
        connection = __underscore_at(self.ready(), & __UNDERSCORE_POINTS[1]) =>
        Ok(connection), () = __underscore_at(sleep(self.patience), &
        __UNDERSCORE_POINTS[2]) => __underscore_at(self.manager.connect(permit), &
        __UNDERSCORE_POINTS[3]). await,
    }
}
