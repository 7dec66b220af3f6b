#[underscore_frame]
/// Waits for a connection.
async fn get<T: Manager>(&self) -> Result<Connection<T>, T::Error> {
    let permit = self.permits.acquire().await?;
    tokio::select! {
        connection = self.ready() => Ok(connection),
        () = sleep(self.patience) => self.manager.connect(permit).await,
    }
}
