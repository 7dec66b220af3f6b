//! Headless Chromium, one at a time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::chromedriver::ChromeDriver;
use crate::support::{PATIENCE, tools};
use crate::webdriver::{Element, Key, Session};

/// What a browser is started with.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The width of the page in pixels.
    pub(crate) width: u32,
    pub(crate) dark: bool,
    pub(crate) reduced_motion: bool,
    /// Names that lead to other hosts, such as `MAP evil.test 127.0.0.1`.
    pub(crate) host_rules: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            width: 1280,
            dark: false,
            reduced_motion: false,
            host_rules: "",
        }
    }
}

/// An open browser with one window. It is killed on drop.
pub(crate) struct Browser {
    session: Session,
    pub(crate) driver: ChromeDriver,
    _alone: MutexGuard<'static, ()>,
}

/// What a page needs of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// Nodes of all documents.
    pub(crate) nodes: u64,
    /// Bytes of the heap of its scripts, after a garbage collection.
    pub(crate) heap: u64,
}

/// A line of the browser's log: a message of `console`, an error of a script or of the network, or a
/// violation of a policy.
#[derive(Clone, Debug)]
pub(crate) struct LogEntry {
    pub(crate) level: String,
    pub(crate) source: String,
    pub(crate) message: String,
}

impl Browser {
    /// Starts one, or returns `None` if the test is skipped because Chromium is missing.
    pub(crate) async fn start(options: &Options) -> Option<Self> {
        /// A browser takes the memory and the processors of several tests.
        static ALONE: Mutex<()> = Mutex::const_new(());

        let programs = ["chromium", "chromedriver"];
        if !tools::have(&programs, "apt-get install chromium chromium-driver") {
            return None;
        }
        let alone = ALONE.lock().await;
        let driver = ChromeDriver::start();
        let session = Session::open(&driver.base, capabilities(&driver, options)).await;
        let browser = Browser {
            session,
            driver,
            _alone: alone,
        };
        browser.set_width(options.width).await;
        let (dark, reduced_motion) = (options.dark, options.reduced_motion);
        browser.set_media(dark, reduced_motion).await;
        Some(browser)
    }

    /// Opens a URL in the window, as if it were typed, and waits until it is loaded.
    pub(crate) async fn open(&self, url: &str) {
        let opened = self.session.goto(url).await;
        opened.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// The result of a function's body, or of the promise that it returns. No CSP applies to it.
    pub(crate) async fn execute(&self, script: &str, arguments: Value) -> Value {
        self.session.execute(script, arguments).await
    }

    /// A command of the Chrome `DevTools` Protocol.
    pub(crate) async fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.session.cdp(command, parameters).await
    }

    /// The URL of what a frame of the page shows, whatever its origin is.
    pub(crate) async fn url_of_frame(&self, index: u16) -> String {
        self.session.enter_frame(index).await;
        let url = self.execute("return location.href;", json!([])).await;
        self.session.leave_frame().await;
        url.as_str().unwrap_or_default().to_owned()
    }

    /// The text of the page as it is shown.
    pub(crate) async fn text(&self) -> String {
        match self.session.select("body").await.first() {
            Some(body) => body.text().await,
            None => String::new(),
        }
    }

    /// The origin of the page.
    pub(crate) async fn origin(&self) -> String {
        let origin = self.execute("return location.origin;", json!([])).await;
        origin.as_str().expect("a URL").to_owned()
    }

    /// Waits until a table has this many rows, and returns the text of that one, on one line.
    pub(crate) async fn row(&self, table: &str, number: usize) -> String {
        let selector = format!("[aria-label='{table}'] tbody tr:nth-child({number})");
        self.until(&format!("row {number} of {table}"), async || {
            let script = "const row = document.querySelector(arguments[0]);
                return row && [...row.cells].map(cell => cell.innerText).join(' ');";
            let text = self.execute(script, json!([selector])).await;
            Some(
                text.as_str()?
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        })
        .await
    }

    /// The elements that a CSS selector matches.
    pub(crate) async fn select(&self, selector: &str) -> Vec<Element> {
        self.session.select(selector).await
    }

    /// The elements that assistive technology sees with this role and name. Those that the page
    /// removes meanwhile are left out, and disabled ones, on which a click would be lost.
    pub(crate) async fn find_all(&self, role: &str, name: &str) -> Vec<Element> {
        let found = self.query("document", role, name).await;
        found.unwrap_or_default()
    }

    /// Those inside of what an expression of JavaScript stands for.
    async fn query(&self, scope: &str, role: &str, name: &str) -> Option<Vec<Element>> {
        let scope = json!({"expression": scope});
        let scope = self.session.cdp("Runtime.evaluate", scope).await;
        let query = json!({
            "objectId": scope["result"]["objectId"].as_str()?,
            "role": role,
            "accessibleName": name,
        });
        let found = self.session.try_cdp("Accessibility.queryAXTree", query);
        let found = found.await.ok()?;
        let mut elements = Vec::new();
        for node in found["nodes"].as_array()? {
            let properties = node["properties"].as_array().into_iter().flatten();
            let is_disabled = properties.clone().any(|property| {
                property["name"] == "disabled" && property["value"]["value"] == true
            });
            if node["ignored"] == false && !is_disabled {
                elements.extend(self.element_of(&node["backendDOMNodeId"]).await);
            }
        }
        Some(elements)
    }

    /// `WebDriver` and `DevTools` name elements differently; the window carries one across.
    async fn element_of(&self, backend_node: &Value) -> Option<Element> {
        let node = json!({"backendNodeId": backend_node});
        let resolved = self.session.try_cdp("DOM.resolveNode", node).await.ok()?;
        let call = json!({
            "objectId": resolved["object"]["objectId"],
            "functionDeclaration": "function () { window[Symbol.for('found')] = this; }",
        });
        let call = self.session.try_cdp("Runtime.callFunctionOn", call);
        call.await.ok()?;
        let script = "const found = window[Symbol.for('found')];
            return found.isConnected ? found : null;";
        self.session.element(&self.execute(script, json!([])).await)
    }

    /// Waits until there is one element with this role and name, and returns it.
    pub(crate) async fn find(&self, role: &str, name: &str) -> Element {
        self.until(&format!("one {role} {name:?}"), async || {
            let mut found = self.find_all(role, name).await;
            (found.len() == 1).then(|| found.remove(0))
        })
        .await
    }

    /// The same inside of the only element that a CSS selector matches.
    pub(crate) async fn find_in(&self, selector: &str, role: &str, name: &str) -> Element {
        let scope = format!("document.querySelector({})", json!(selector));
        self.until(&format!("one {role} {name:?} in {selector}"), async || {
            let mut found = self.query(&scope, role, name).await?;
            (found.len() == 1).then(|| found.remove(0))
        })
        .await
    }

    /// Waits until the page shows this text.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        self.until(&format!("{text:?}"), async || {
            self.text().await.contains(text).then_some(())
        })
        .await;
    }

    /// Waits until `condition` has a value, and returns it.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut condition: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            if Instant::now() > deadline {
                let (text, log) = (self.text().await, self.log().await);
                panic!("there is never {what} on the page\n{text}\n{log:#?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses these keys at once and releases them.
    pub(crate) async fn press(&self, keys: &[Key]) {
        self.session.press(keys).await;
    }

    /// The element that keys go to, `None` if it is the document.
    pub(crate) async fn focused(&self) -> Option<Element> {
        let script = "const it = document.activeElement; return it === document.body ? null : it;";
        self.session.element(&self.execute(script, json!([])).await)
    }

    /// The log since the last call.
    pub(crate) async fn log(&self) -> Vec<LogEntry> {
        let entries = self.session.log().await;
        let entries = entries.as_array().expect("a list").iter();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        entries
            .map(|entry| LogEntry {
                level: text(entry, "level"),
                source: text(entry, "source"),
                message: text(entry, "message"),
            })
            .collect()
    }

    /// Asserts that no script has failed, nothing was not found, and no policy was violated since
    /// the log was read last.
    pub(crate) async fn assert_no_errors(&self) {
        let mut log = self.log().await;
        log.retain(|entry| entry.level == "SEVERE" || entry.source == "security");
        // Asked for by the browser and not by the page.
        log.retain(|entry| !entry.message.contains("/favicon.ico"));
        assert!(log.is_empty(), "{log:#?}");
    }

    /// The window as PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.session.screenshot().await
    }

    /// Sets what the user prefers.
    pub(crate) async fn set_media(&self, dark: bool, reduced_motion: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let motion = if reduced_motion {
            "reduce"
        } else {
            "no-preference"
        };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]);
        let parameters = json!({"features": features});
        self.cdp("Emulation.setEmulatedMedia", parameters).await;
    }

    /// Sets the width of the page in pixels.
    pub(crate) async fn set_width(&self, width: u32) {
        let parameters = json!({
            "width": width,
            "height": 800,
            "deviceScaleFactor": 1,
            "mobile": false,
        });
        let command = "Emulation.setDeviceMetricsOverride";
        self.cdp(command, parameters).await;
    }

    pub(crate) async fn footprint(&self) -> Footprint {
        self.cdp("HeapProfiler.collectGarbage", json!({})).await;
        self.cdp("Performance.enable", json!({})).await;
        let answer = self.cdp("Performance.getMetrics", json!({})).await;
        let metrics = answer["metrics"].as_array().expect("a list").iter();
        let number = |name: &str| {
            let mut of_name = metrics.clone().filter(|metric| metric["name"] == name);
            let value = of_name.next().and_then(|metric| metric["value"].as_f64());
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let number = value.expect("it is there") as u64;
            number
        };
        Footprint {
            nodes: number("Nodes"),
            heap: number("JSHeapUsedSize"),
        }
    }
}

fn capabilities(driver: &ChromeDriver, options: &Options) -> Value {
    let mut arguments: Vec<String> = [
        "--headless=new",
        // Root has no sandbox.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ]
    .map(str::to_owned)
    .into();
    let profile = driver.profile().display().to_string();
    arguments.push(format!("--user-data-dir={profile}"));
    if !options.host_rules.is_empty() {
        arguments.push(format!("--host-resolver-rules={}", options.host_rules));
    }
    let patience = PATIENCE.as_millis();
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL"},
        "timeouts": {"pageLoad": patience, "script": patience},
        // So that a dialog that a page opens fails the test.
        "unhandledPromptBehavior": "ignore",
    })
}
