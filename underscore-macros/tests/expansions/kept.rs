/// A method, with an item at the top of its body.
#[underscore_route(get, "/users/{id}", name = "user", keep)]
pub async fn user<'a, T: Clock>(&'a self, id: u32, log: impl Fn(&str)) -> Result<Json<User>, Error> {
    use crate::database::Query;
    let user = self.database.find(Query::Id(id)).await?;
    if user.is_deleted() {
        return Err(Error::Gone);
    }
    log(&user.name);
    Ok(Json(user))
}
