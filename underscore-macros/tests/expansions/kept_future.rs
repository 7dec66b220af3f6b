#[underscore_route(keep)]
fn boxed(Path(name): Path<String>) -> BoxFuture<'static, String> {
    let name = name.to_lowercase();
    Box::pin(async move { find(name).await })
}
