//! The admin API in a real browser: headless Chromium, which reaches the socket through a TCP port
//! as with `ssh -L`.
//!
//! The tests are skipped where Chromium or `ChromeDriver` is missing, and fail there with
//! `UNDERSCORE_REQUIRE_TOOLS=1`.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod axe;
mod bridge;
mod browser;
mod captured;
mod chromedriver;
mod flame;
mod foreign;
mod forwarded;
mod gone;
mod harness;
mod hostile;
mod incident;
mod log;
mod page;
mod pictures;
mod scale;
mod site;
mod timing;
mod views;
mod webdriver;
