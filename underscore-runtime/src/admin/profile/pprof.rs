//! A profile in the format of pprof, for `go tool pprof`, compressed as it expects.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message as _;

use super::frames::{Frame, FramedStack, framed, route_name};
use super::proto::{self, Function, Label, Line, Location, Mapping, ValueType};
use super::summary::summary;
use crate::admin::words::PROFILE_TYPES;
use crate::sampling::profile::{Profile, Weight};

/// The id of the only binary.
const BINARY: u64 = 1;

/// Writes a profile that has just ended.
pub(super) fn write(profile: &Profile) -> Vec<u8> {
    let begin = SystemTime::now().checked_sub(profile.length);
    let message = message(profile, begin.unwrap_or(UNIX_EPOCH));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(&message.encode_to_vec());
    encoder.finish().unwrap_or_default()
}

fn message(profile: &Profile, begin: SystemTime) -> proto::Profile {
    let mut tables = Tables::default();
    let _empty = tables.text("");
    let samples = tables.value_type("samples", "count");
    let time = tables.value_type("request_time", "nanoseconds");
    let sample = framed(profile).map(|stack| tables.sample(&stack)).collect();
    let ticks = u32::try_from(profile.ticks).unwrap_or(u32::MAX);
    let period = profile.length.checked_div(ticks).unwrap_or_default();
    let comment = tables.text(&summary(profile));
    let binary = std::env::current_exe().unwrap_or_default();
    let binary = Mapping {
        id: BINARY,
        filename: tables.text(&binary.to_string_lossy()),
        has_functions: true,
    };
    proto::Profile {
        sample_type: vec![samples, time],
        sample,
        mapping: vec![binary],
        location: tables.locations,
        function: tables.functions,
        string_table: tables.texts,
        time_nanos: nanos(begin.duration_since(UNIX_EPOCH).unwrap_or_default()),
        duration_nanos: nanos(profile.length),
        period_type: Some(time),
        period: nanos(period),
        comment: vec![comment],
        default_sample_type: time.r#type,
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// The tables of a profile, without duplicates.
#[derive(Default)]
struct Tables {
    texts: Vec<String>,
    index_of_text: HashMap<String, i64>,
    functions: Vec<Function>,
    locations: Vec<Location>,
    id_of_frame: HashMap<String, u64>,
}

impl Tables {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(index) = self.index_of_text.get(text) {
            return *index;
        }
        let index = i64::try_from(self.texts.len()).unwrap_or(i64::MAX);
        self.texts.push(text.to_owned());
        self.index_of_text.insert(text.to_owned(), index);
        index
    }

    fn value_type(&mut self, word: &str, unit: &str) -> ValueType {
        ValueType {
            r#type: self.text(word),
            unit: self.text(unit),
        }
    }

    fn sample(&mut self, stack: &FramedStack<'_>) -> proto::Sample {
        let frames = stack.frames.iter().rev();
        let location_id = frames.map(|frame| self.location(frame)).collect();
        let Weight { time, samples } = stack.weight;
        let labels = stack.stack.map(|stack| {
            let [wait, run] = PROFILE_TYPES;
            let state = if stack.is_running { run } else { wait };
            [("route", &*route_name(stack.route)), ("type", state)]
                .map(|(key, text)| Label {
                    key: self.text(key),
                    str: self.text(text),
                })
                .to_vec()
        });
        proto::Sample {
            location_id,
            value: vec![i64::try_from(samples).unwrap_or(i64::MAX), nanos(time)],
            label: labels.unwrap_or_default(),
        }
    }

    /// The id of a frame, which is both its function's and its location's.
    fn location(&mut self, frame: &Frame) -> u64 {
        if let Some(id) = self.id_of_frame.get(&frame.name) {
            return *id;
        }
        let id = (self.functions.len() as u64).saturating_add(1);
        let (file, line) = match frame.point {
            Some(point) => (point.file(), i64::from(point.line())),
            None => ("", 0),
        };
        let function = frame.point.map_or("", |point| point.function());
        let function = Function {
            id,
            name: self.text(&frame.name),
            system_name: self.text(function),
            filename: self.text(file),
            start_line: line,
        };
        self.functions.push(function);
        self.locations.push(Location {
            id,
            mapping_id: BINARY,
            line: vec![Line {
                function_id: id,
                line,
            }],
        });
        self.id_of_frame.insert(frame.name.clone(), id);
        id
    }
}
