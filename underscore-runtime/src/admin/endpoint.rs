//! The type of an endpoint: its paths, method, parameters, cost and handler. The table of all
//! endpoints is in [`router`](super::router), which no handler may import.

use std::pin::Pin;

use axum::routing::MethodFilter;

use super::audit::Action;
use super::cost::Cost;
use super::error::Error;
use super::offload::Offload;
use super::params::{Group, TABLE};
use super::render::Answer;
use super::request::Request;

/// An endpoint of the admin API.
pub(super) struct Endpoint {
    pub(super) method: MethodFilter,
    /// Paths in axum's syntax, each with at most one argument in braces.
    pub(super) paths: &'static [&'static str],
    /// Other spellings of `paths`, which the documentation does not list.
    pub(super) aliases: &'static [&'static str],
    /// The parameters in addition to those of every endpoint.
    pub(super) params: &'static [Group],
    pub(super) cost: Cost,
    /// True for a table, which has `?help`.
    pub(super) is_table: bool,
    /// True if the answer has formats of its own, so that the endpoint itself reads `format` and
    /// `Accept`.
    pub(super) has_own_formats: bool,
    pub(super) handler: EndpointHandler,
}

/// The function behind an endpoint.
#[derive(Clone, Copy)]
pub(super) enum EndpointHandler {
    /// Changes nothing.
    Read(ReadHandler),
    /// Changes nothing, and waits for what it reads. Ends when the client leaves.
    WaitingRead(WaitingHandler),
    /// Makes a change, which may wait, and which the audit records as this action.
    Change(Action, WaitingHandler),
}

pub(super) type ReadHandler = fn(&Request) -> Result<Answer, Error>;

pub(super) type WaitingHandler = fn(Request, Offload) -> AnswerFuture;

/// An answer in progress.
pub(super) type AnswerFuture = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

impl Endpoint {
    const fn new(
        method: MethodFilter,
        paths: &'static [&'static str],
        cost: Cost,
        handler: EndpointHandler,
    ) -> Self {
        Endpoint {
            method,
            paths,
            aliases: &[],
            params: &[],
            cost,
            is_table: false,
            has_own_formats: false,
            handler,
        }
    }

    /// An endpoint that changes nothing.
    pub(super) const fn read(
        paths: &'static [&'static str],
        cost: Cost,
        handler: ReadHandler,
    ) -> Self {
        let handler = EndpointHandler::Read(handler);
        Endpoint::new(MethodFilter::GET, paths, cost, handler)
    }

    /// An endpoint that changes nothing and waits for what it reads. `cost` is that of writing the
    /// answer.
    pub(super) const fn waiting_read(
        paths: &'static [&'static str],
        cost: Cost,
        handler: WaitingHandler,
    ) -> Self {
        let handler = EndpointHandler::WaitingRead(handler);
        Endpoint::new(MethodFilter::GET, paths, cost, handler)
    }

    /// A table.
    pub(super) const fn table(
        paths: &'static [&'static str],
        cost: Cost,
        handler: ReadHandler,
    ) -> Self {
        Endpoint {
            params: &[TABLE],
            is_table: true,
            ..Endpoint::read(paths, cost, handler)
        }
    }

    /// An endpoint that makes changes.
    pub(super) const fn change(
        method: MethodFilter,
        paths: &'static [&'static str],
        action: Action,
        handler: WaitingHandler,
    ) -> Self {
        let handler = EndpointHandler::Change(action, handler);
        Endpoint::new(method, paths, Cost::Everything, handler)
    }

    pub(super) const fn with_params(self, params: &'static [Group]) -> Self {
        Endpoint { params, ..self }
    }

    pub(super) const fn with_aliases(self, aliases: &'static [&'static str]) -> Self {
        Endpoint { aliases, ..self }
    }

    pub(super) const fn with_own_formats(self) -> Self {
        Endpoint {
            has_own_formats: true,
            ..self
        }
    }

    /// All paths, the aliases last.
    pub(super) fn all_paths(&self) -> impl Iterator<Item = &'static str> {
        self.paths.iter().chain(self.aliases).copied()
    }

    /// The method as a word.
    pub(super) fn method_word(&self) -> &'static str {
        match self.method {
            MethodFilter::PUT => "PUT",
            MethodFilter::POST => "POST",
            _ => "GET",
        }
    }
}
