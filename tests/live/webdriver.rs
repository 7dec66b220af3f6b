//! The commands of the `WebDriver` protocol that these tests use, and the Chrome `DevTools` Protocol
//! through `ChromeDriver`.
//!
//! The crate thirtyfour is not used: it enables `preserve_order` of `serde_json`, which Cargo unifies
//! into the library under test, whose settings would be listed in another order than in a service.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::support::PATIENCE;

/// The key of an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A key without a character, as `WebDriver` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(&'static str);

impl Key {
    pub(crate) const ENTER: Key = Key("\u{e007}");
    pub(crate) const SHIFT: Key = Key("\u{e008}");
    pub(crate) const TAB: Key = Key("\u{e004}");
}

/// An open browser.
#[derive(Clone)]
pub(crate) struct Session {
    client: Client,
    base: String,
}

impl Session {
    /// Opens a browser with these capabilities.
    pub(crate) async fn open(driver: &str, capabilities: Value) -> Self {
        // A command waits for a page or a script, which has its own limit of `PATIENCE`.
        let client = Client::builder().timeout(2 * PATIENCE).no_proxy().build();
        let mut session = Session {
            client: client.expect("a client can be built"),
            base: format!("{driver}/session"),
        };
        let body = json!({"capabilities": {"alwaysMatch": capabilities}});
        let opened = session.command(Method::POST, "", Some(body)).await;
        let opened = opened.expect("Chromium starts");
        let id = opened["sessionId"].as_str().expect("it has an id");
        session.base = format!("{}/{id}", session.base);
        session
    }

    /// Sends a command. The error is the code and the message of one that failed.
    pub(crate) async fn command(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("ChromeDriver answers");
        let is_success = response.status().is_success();
        let mut answer: Value = response.json().await.expect("it is JSON");
        let value = answer["value"].take();
        if is_success {
            return Ok(value);
        }
        let text = |key: &str| value[key].as_str().unwrap_or_default();
        Err(format!("{}: {}", text("error"), text("message")))
    }

    /// A command with a body, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let value = self.command(Method::POST, path, Some(body)).await;
        value.unwrap_or_else(|failure| panic!("{path}: {failure}"))
    }

    /// A command without a body, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let value = self.command(Method::GET, path, None).await;
        value.unwrap_or_else(|failure| panic!("{path}: {failure}"))
    }

    /// A command of the Chrome `DevTools` Protocol.
    pub(crate) async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.post("/goog/cdp/execute", body).await
    }

    /// The result of a function's body, or of the promise that it returns. No CSP applies to it.
    pub(crate) async fn execute(&self, script: &str, arguments: Value) -> Result<Value, String> {
        let body = json!({"script": script, "args": arguments});
        self.command(Method::POST, "/execute/sync", Some(body))
            .await
    }

    /// The element of a reference, `None` if `value` is none.
    pub(crate) fn element(&self, value: &Value) -> Option<Element> {
        Some(Element {
            session: self.clone(),
            id: value[ELEMENT].as_str()?.to_owned(),
        })
    }

    /// The elements that a CSS selector matches.
    pub(crate) async fn select(&self, selector: &str) -> Vec<Element> {
        let body = json!({"using": "css selector", "value": selector});
        let found = self.post("/elements", body).await;
        let found = found.as_array().expect("a list").iter();
        found.filter_map(|value| self.element(value)).collect()
    }

    /// Presses these keys at once and releases them.
    pub(crate) async fn press(&self, keys: &[Key]) {
        let event = |kind: &'static str| {
            move |key: &Key| {
                let Key(value) = key;
                json!({"type": kind, "value": value})
            }
        };
        let down = keys.iter().map(event("keyDown"));
        let up = keys.iter().rev().map(event("keyUp"));
        let actions: Vec<Value> = down.chain(up).collect();
        let source = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("/actions", json!({"actions": [source]})).await;
    }
}

/// An element of a page.
#[derive(Clone)]
pub(crate) struct Element {
    session: Session,
    id: String,
}

impl Element {
    async fn get(&self, what: &str) -> String {
        let path = format!("/element/{}/{what}", self.id);
        let text = self.session.get(&path).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    async fn post(&self, what: &str, body: Value) {
        let path = format!("/element/{}/{what}", self.id);
        self.session.post(&path, body).await;
    }

    /// Scrolls to the element and clicks its center.
    pub(crate) async fn click(&self) {
        self.post("click", json!({})).await;
    }

    /// Types into the element.
    pub(crate) async fn send_keys(&self, text: &str) {
        self.post("value", json!({"text": text})).await;
    }

    pub(crate) async fn clear(&self) {
        self.post("clear", json!({})).await;
    }

    /// The text as it is shown.
    pub(crate) async fn text(&self) -> String {
        self.get("text").await
    }

    /// The role that assistive technology sees.
    pub(crate) async fn role(&self) -> String {
        self.get("computedrole").await
    }

    /// The name that assistive technology sees.
    pub(crate) async fn name(&self) -> String {
        self.get("computedlabel").await.trim().to_owned()
    }

    pub(crate) async fn attribute(&self, name: &str) -> String {
        self.get(&format!("attribute/{name}")).await
    }
}
