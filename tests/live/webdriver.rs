//! What the crate fantoccini lacks: commands of `ChromeDriver`, the accessibility tree, and errors
//! that fail the test.

use std::fmt::Debug;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::{Element as FoundElement, ElementRef};
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use reqwest::{Method, Url};
use serde_json::{Value, json};

pub(crate) use fantoccini::key::Key;

/// The key of an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A command that fantoccini has no method for.
#[derive(Clone, Debug)]
struct Command {
    method: Method,
    /// Relative to the session.
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(
        &self,
        base: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as std::str::FromStr>::Err> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = self.body.as_ref().map(Value::to_string);
        (self.method.clone(), body)
    }
}

/// The value of a command that must succeed.
fn value<T>(result: Result<T, CmdError>, command: impl Debug) -> T {
    result.unwrap_or_else(|error| panic!("{command:.2000?}: {error}"))
}

/// An open browser.
#[derive(Clone)]
pub(crate) struct Session(Client);

impl Session {
    /// Opens a browser with these capabilities.
    pub(crate) async fn open(driver: &str, capabilities: Value) -> Self {
        let Value::Object(capabilities) = capabilities else {
            panic!("capabilities are an object");
        };
        let mut builder =
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        let opened = builder.capabilities(capabilities).connect(driver).await;
        Session(opened.expect("Chromium starts"))
    }

    async fn command(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let command = Command {
            method,
            path: path.to_owned(),
            body,
        };
        value(self.0.issue_cmd(command.clone()).await, command)
    }

    /// Opens a URL, as if it were typed.
    pub(crate) async fn goto(&self, url: &str) -> Result<(), CmdError> {
        self.0.goto(url).await
    }

    /// A command of the Chrome `DevTools` Protocol.
    pub(crate) async fn cdp(&self, command: &str, parameters: Value) -> Value {
        value(self.try_cdp(command, parameters).await, command)
    }

    /// The same for a command that may fail, because the page may have changed meanwhile.
    pub(crate) async fn try_cdp(
        &self,
        command: &str,
        parameters: Value,
    ) -> Result<Value, CmdError> {
        let command = Command {
            method: Method::POST,
            path: "goog/cdp/execute".to_owned(),
            body: Some(json!({"cmd": command, "params": parameters})),
        };
        self.0.issue_cmd(command).await
    }

    /// The entries of the browser's log since the last call.
    pub(crate) async fn log(&self) -> Value {
        let body = json!({"type": "browser"});
        self.command(Method::POST, "se/log", Some(body)).await
    }

    /// Directs commands to a frame of the document.
    pub(crate) async fn enter_frame(&self, index: u16) {
        value(self.0.enter_frame(index).await, index);
    }

    /// Directs commands to the document around.
    pub(crate) async fn leave_frame(&self) {
        value(self.0.enter_parent_frame().await, "the parent");
    }

    /// The window as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        value(self.0.screenshot().await, "a screenshot")
    }

    /// The result of a function's body, or of the promise that it returns. No CSP applies to it.
    pub(crate) async fn execute(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(list) = arguments.clone() else {
            panic!("arguments are a list");
        };
        value(self.0.execute(script, list).await, (script, arguments))
    }

    /// The element of a reference, `None` if `value` is none.
    pub(crate) fn element(&self, value: &Value) -> Option<Element> {
        let id = ElementRef::from(value[ELEMENT].as_str()?.to_owned());
        Some(Element {
            session: self.clone(),
            found: FoundElement::from_element_id(self.0.clone(), id),
        })
    }

    /// The elements that a CSS selector matches.
    pub(crate) async fn select(&self, selector: &str) -> Vec<Element> {
        let found = self.0.find_all(Locator::Css(selector)).await;
        let element = |found| Element {
            session: self.clone(),
            found,
        };
        value(found, selector).into_iter().map(element).collect()
    }

    /// Presses these keys at once and releases them.
    pub(crate) async fn press(&self, keys: &[Key]) {
        let characters = keys.iter().map(|key| match key {
            // As a character: `WebDriver` has a code for the key beside it.
            Key::Space => ' ',
            key => char::from(*key),
        });
        let down = characters.clone().map(|value| KeyAction::Down { value });
        let up = characters.rev().map(|value| KeyAction::Up { value });
        let actions = down.chain(up);
        let keyboard = KeyActions::new("keyboard".to_owned());
        let keyboard = actions.fold(keyboard, InputSource::then);
        value(self.0.perform_actions(keyboard).await, keys);
    }
}

/// An element of a page.
#[derive(Clone)]
pub(crate) struct Element {
    session: Session,
    found: FoundElement,
}

impl Element {
    /// Scrolls to the element and clicks its center.
    pub(crate) async fn click(&self) {
        value(self.found.click().await, "a click");
    }

    /// Types into the element.
    pub(crate) async fn send_keys(&self, text: &str) {
        value(self.found.send_keys(text).await, text);
    }

    pub(crate) async fn clear(&self) {
        value(self.found.clear().await, "clear");
    }

    /// The text as it is shown.
    pub(crate) async fn text(&self) -> String {
        value(self.found.text().await, "text")
    }

    /// The role that assistive technology sees.
    pub(crate) async fn role(&self) -> String {
        self.computed("role").await
    }

    /// The name that assistive technology sees.
    pub(crate) async fn name(&self) -> String {
        self.computed("label").await.trim().to_owned()
    }

    async fn computed(&self, what: &str) -> String {
        let path = format!("element/{}/computed{what}", &*self.found.element_id());
        let found = self.session.command(Method::GET, &path, None).await;
        found.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn attribute(&self, name: &str) -> String {
        value(self.found.attr(name).await, name).unwrap_or_default()
    }
}
