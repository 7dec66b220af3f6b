//! `GET /_events`: what has happened, and what happens.
//!
//! Events are those of a process, so each test has a process of its own.

#![allow(missing_docs, unreachable_pub)]

mod formats;
mod happening;
mod kept;
mod leaving;
mod lost;
mod raw;
mod storms;
#[path = "../support/mod.rs"]
mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::timeout;
use underscore_runtime::underscore_route;

use support::{PATIENCE, Service};

/// A client that follows the events, as lines.
pub struct Follower {
    response: Response,
    received: Vec<u8>,
}

impl Follower {
    /// Follows with these parameters.
    pub async fn start(service: &Service, parameters: &str) -> Self {
        let path = format!("_events?follow&{parameters}");
        let response = service.admin_builder(Method::GET, &path).send().await;
        let response = response.expect("the admin API answers");
        assert_eq!(response.status(), 200);
        Follower {
            response,
            received: Vec::new(),
        }
    }

    /// The next line, `None` at the end of the answer.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let rest = self.received.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.received, rest);
                line.pop();
                return Some(String::from_utf8(line).expect("it is text"));
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("an event in time").expect("an answer");
            self.received.extend_from_slice(&chunk?);
        }
    }

    pub async fn event(&mut self) -> Value {
        let line = self.line().await.expect("it goes on");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Waits for an event of a type, which must arrive soon after it happened.
    pub async fn wait_for(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] == kind {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.expect("after 1970").as_millis();
                let then = u128::from(event["time"].as_u64().expect("milliseconds"));
                assert!(now.saturating_sub(then) < 1_000, "{now}: {event:#}");
                return event;
            }
        }
    }
}

/// The events that are kept.
async fn events(service: &Service, parameters: &str) -> Vec<Value> {
    let answer = service.admin(&format!("_events?{parameters}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let lines = answer.text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON on each line"))
        .collect()
}

/// Waits until there are `count` events of these types, and returns them.
async fn wait_for_events(service: &Service, parameters: &str, count: usize) -> Vec<Value> {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let events = events(service, parameters).await;
        if events.len() >= count {
            return events;
        }
        assert!(std::time::Instant::now() < deadline, "{events:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn ids(events: &[Value]) -> Vec<u64> {
    let ids = events.iter().map(|event| event["id"].as_u64());
    ids.map(|id| id.expect("each has an id")).collect()
}

#[underscore_route(get, "/broken", name = "broken")]
pub async fn broken() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Makes `count` requests that end badly.
async fn fail(service: &Service, count: usize) {
    for _ in 0..count {
        assert_eq!(service.get("/broken").await.status, 500);
    }
}

/// Makes `count` changes, each with an event of a type that has no limit.
async fn change(service: &Service, count: usize) {
    for _ in 0..count {
        service.post("_routes/broken/interrupt").await.ok_json();
    }
}
