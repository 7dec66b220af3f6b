/// Opens a session.
#[underscore_route(post, "/login", name = "login")]
pub async fn login<DB: Database>(
    State(app): State<App<DB>>,
    Json(login): Json<Login>,
) -> Result<Json<Session>, LoginError> {
    let user = app.database.find(&login.user).await?;
    let session = match user.check(&login.password) {
        Ok(()) => app.sessions.open(user.id).await,
        Err(wrong) => return Err(wrong.into()),
    };
    Ok(Json(session))
}
