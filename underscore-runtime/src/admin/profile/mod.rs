//! `GET /_profile`: where the time of requests passes, sampled while the client waits.

mod folded;
mod frames;
mod pprof;
mod proto;
mod structure;
mod summary;
mod svg;

use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};
use tokio::time::sleep;

use super::cancellation::Cancellation;
use super::cost::Cost;
use super::endpoint::AnswerFuture;
use super::error::Error;
use super::offload::Offload;
use super::params::{self, PROFILE};
use super::render::Answer;
use super::request::Request;
use super::{select, words};
use crate::sampling::profile::{Filter, MAX_SESSIONS, Profile, Session};

/// Default of `seconds`.
const DEFAULT_LENGTH: Duration = Duration::from_secs(10);

/// The formats, each with its word and its media type.
const FORMATS: [(&str, &str, ProfileFormat); 6] = [
    ("text", "text/plain", ProfileFormat::Folded),
    ("svg", "image/svg+xml", ProfileFormat::Svg),
    ("pprof", "application/octet-stream", ProfileFormat::Pprof),
    ("json", "application/json", ProfileFormat::Structure),
    ("yaml", "application/yaml", ProfileFormat::Structure),
    ("cbor", "application/cbor", ProfileFormat::Structure),
];

/// A browser saves a profile in the format of pprof under this name.
const ATTACHMENT: &[(HeaderName, &str)] = &[(
    CONTENT_DISPOSITION,
    "attachment; filename=\"profile.pb.gz\"",
)];

/// The script of a flame graph runs in an origin of its own and has no network: the API accepts no
/// request of a foreign origin, and the policy allows none.
const SANDBOX: &[(HeaderName, &str)] = &[(
    CONTENT_SECURITY_POLICY,
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; \
     style-src 'unsafe-inline'; frame-ancestors 'none'",
)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProfileFormat {
    Folded,
    Svg,
    Pprof,
    /// JSON, YAML or CBOR.
    Structure,
}

/// `GET /_profile`.
pub(super) fn get(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(async move {
        request.no_body(PROFILE)?;
        let format = ProfileFormat::read(&request)?;
        let seconds = request.value(&params::SECONDS);
        let seconds = seconds.and_then(|seconds| seconds.parse().ok());
        let length = seconds.map_or(DEFAULT_LENGTH, Duration::from_secs);
        let cancellation = request.cancellation().clone();
        // The deadline of a read begins with its first step, and the profile may take longer.
        let (unlimited, for_filter) = (Cancellation::default(), request.clone());
        let rows = move || Cost::Routes.rows(&for_filter);
        let filter = move || read_filter(&request);
        let filter = offload.read(&unlimited, rows, filter).await?;
        // Dropped if the client leaves.
        let session = Session::start(filter);
        let session = session.map_err(|_| Error::too_many_profiles(MAX_SESSIONS))?;
        sleep(length).await;
        let profile = session.finish();
        let write = move || format.write(&profile());
        let rows = crate::task::live_count;
        offload.read(&cancellation, rows, write).await
    })
}

/// The requests that the profile is about.
fn read_filter(request: &Request) -> Result<Filter, Error> {
    let routes = request.value(&params::ROUTES).map(select::routes);
    let [wait, run] = words::PROFILE_TYPES;
    Ok(Filter {
        routes: routes.transpose()?,
        is_running: match request.value(&params::TYPE) {
            Some(word) if word == wait => Some(false),
            Some(word) if word == run => Some(true),
            _ => None,
        },
    })
}

impl ProfileFormat {
    /// The requested format. As everywhere, the parameter overrides the header.
    fn read(request: &Request) -> Result<Self, Error> {
        let Some(word) = request.value(&params::FORMAT) else {
            return Ok(Self::accepted(request.single_media_type()));
        };
        let words = FORMATS.map(|(word, ..)| word);
        let format = FORMATS.into_iter().find(|(known, ..)| *known == word);
        let format = format.map(|(.., format)| format);
        format.ok_or_else(|| Error::unknown_value(params::FORMAT.name, word, &words))
    }

    /// The format of a media type. Folded stacks without one: a list is what browsers send.
    fn accepted(media_type: Option<&str>) -> Self {
        let essence = media_type.and_then(|text| text.split(';').next());
        let essence = essence.unwrap_or_default().trim();
        let mut formats = FORMATS.into_iter();
        let format = formats.find(|(_, known, _)| known.eq_ignore_ascii_case(essence));
        format.map_or(ProfileFormat::Folded, |(.., format)| format)
    }

    /// Writes a profile.
    fn write(self, profile: &Profile) -> Result<Answer, Error> {
        if profile.ticks == 0 {
            return Err(Error::no_sampler());
        }
        Ok(match self {
            ProfileFormat::Folded => Answer::Text(folded::write(profile)),
            ProfileFormat::Svg => Answer::Document {
                content_type: "image/svg+xml",
                headers: SANDBOX,
                bytes: svg::write(profile).into_bytes(),
            },
            ProfileFormat::Pprof => Answer::Document {
                content_type: "application/octet-stream",
                headers: ATTACHMENT,
                bytes: pprof::write(profile),
            },
            ProfileFormat::Structure => Answer::Node(structure::node(profile)),
        })
    }
}

/// A profile of all requests in the formats of the files of a bundle.
pub(super) fn files(profile: &Profile) -> [(&'static str, Result<Answer, Error>); 3] {
    [
        ("profile.folded", ProfileFormat::Folded),
        ("profile.pb.gz", ProfileFormat::Pprof),
        ("profile.json", ProfileFormat::Structure),
    ]
    .map(|(name, format)| (name, format.write(profile)))
}

#[cfg(test)]
mod tests;
