use axum::http::Method;
use underscore_runtime::underscore_route;

#[underscore_route]
#[rustfmt::skip]
async fn login(
    _: Method, _: Method, _: Method, _: Method,
    _: Method, _: Method, _: Method, _: Method,
    _: Method, _: Method, _: Method, _: Method,
    _: Method, _: Method, _: Method, _: Method,
    _seventeenth: Method, _eighteenth: Method,
) {}

fn main() {}
