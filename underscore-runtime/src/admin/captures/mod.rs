//! Captures: the bundles that the service writes by itself, and the endpoint for one of them.

mod write;

use std::io::ErrorKind;

use super::bundle::GZIP;
use super::error::Error;
use super::render::Answer;
use super::request::Request;
use crate::captures;
use crate::suggest;
use crate::visible::echo;

pub(crate) use write::writer;

/// `GET /_captures/{name}`.
pub(super) fn get(request: &Request) -> Result<Answer, Error> {
    let name = request.argument().unwrap_or_default();
    let Some(directory) = captures::directory() else {
        return Err(Error::not_found(format!(
            "no capture [{}]: the service writes none; set AdminBuilder::capture_to",
            echo(name)
        )));
    };
    let list = directory.list();
    let captures = list.map_err(|error| Error::unreadable_capture(directory.path(), &error))?;
    // Only what is listed: no name leads out of the directory.
    let found = captures.iter().find(|capture| capture.name == name);
    let read = found.map(|capture| directory.read(capture));
    match (found, read) {
        (Some(capture), Some(Ok(bytes))) => Ok(Answer::File {
            content_type: GZIP,
            name: capture.name.clone(),
            bytes,
        }),
        (Some(_), Some(Err(error))) if error.kind() != ErrorKind::NotFound => Err(
            Error::unreadable_capture(&directory.path().join(name), &error),
        ),
        // Or it was removed since it was listed.
        _ => {
            let names = captures.iter().map(|capture| &*capture.name);
            Err(Error::not_found(format!(
                "no capture [{}]; GET /_cat/captures lists them{}",
                echo(name),
                suggest::hint(name, names.filter(|known| *known != name))
            )))
        }
    }
}
