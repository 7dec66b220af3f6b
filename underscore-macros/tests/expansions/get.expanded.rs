/// Waits for a connection.
async fn get<T: Manager>(&self) -> Result<Connection<T>, T::Error> {
    use ::underscore_runtime::private::{
        AwaitPoint as __UnderscorePoint, at as __underscore_at,
    };
    static __UNDERSCORE_POINTS: [__UnderscorePoint; 1] = [
        __UnderscorePoint::new(
            ::core::concat!(::core::module_path!(), "::get"),
            ::core::file!(),
            ::core::line!(),
            ::core::column!(),
            "self.permits.acquire()",
        ),
    ];
    let permit = __underscore_at(self.permits.acquire(), &__UNDERSCORE_POINTS[0]).await?;
    tokio::select! {
        connection = self.ready() => Ok(connection), () = sleep(self.patience) => self
        .manager.connect(permit). await,
    }
}
