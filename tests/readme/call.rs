//! Turns a call of `curl` into a request.

use reqwest::{Client, Method, RequestBuilder};

use super::shell::Curl;

impl Curl {
    /// The request as `client` sends it, to `url`.
    ///
    /// # Errors
    ///
    /// An invalid method.
    pub fn request(&self, client: &Client, url: &str) -> Result<RequestBuilder, String> {
        let default = if self.body.is_some() { "POST" } else { "GET" };
        let method = self.method.as_deref().unwrap_or(default);
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = client.request(method, url);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let named = |name: &str| {
            self.headers
                .iter()
                .any(|(has, _)| has.eq_ignore_ascii_case(name))
        };
        if self.body.is_some() && !named("content-type") {
            // As curl does; the admin API refuses it.
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        Ok(request)
    }
}
