#[underscore_route]
async fn transfer(State(app): State<App>) -> Result<(), Error> {
    let Some(permit) = app.permits.try_acquire().ok() else {
        return Err(Error::Busy);
    };
    let stock = app.stock.lock().await;
    let mut tx = app.db.begin().await?;
    tx.take(stock.left).await?;
    if stock.is_empty() {
        drop(stock);
        refill(&app).await;
    }
    tx.commit().await?;
    app.bell.ring(permit).await
}
