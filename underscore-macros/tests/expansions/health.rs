#[underscore_route]
async fn health() -> StatusCode {
    StatusCode::OK
}
