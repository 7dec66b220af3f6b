//! The event about a request that was slow or ended badly.

use super::record::EndedRequest;
use crate::events::{EventType, NewEvent};
use crate::stack::{AwaitPoint, innermost};
use crate::task::MetaField;
use crate::trace_context::trace_id;

/// The event about the end of a request.
pub(super) fn event(record: &EndedRequest) -> NewEvent {
    let point = innermost(&record.frames());
    let request = &record.request;
    let (request_id, trace_parent) = (
        request.field(MetaField::RequestId),
        request.field(MetaField::TraceParent),
    );
    let status = record.status.map(|status| status.as_u16());
    NewEvent::new(EventType::Ended)
        .with_task(record.id.number())
        .with_route(Some(request.route))
        .with_method(request.method())
        .number("status", status)
        .word("end", record.outcome.word())
        .duration("took", Some(record.took()))
        .flag("slow", record.is_slow)
        .text("where", point.map(ToString::to_string))
        .text("awaiting", point.map(AwaitPoint::source))
        .text("reason", record.reason.as_deref())
        .text("interrupted_by", record.interrupted_by.as_deref())
        .text("panic", record.panic.as_ref().map(|panic| &*panic.message))
        .text(
            "panicked_at",
            record.panic.as_ref().map(|panic| &*panic.place),
        )
        .text("request_id", request_id)
        .text("trace_id", trace_parent.as_deref().and_then(trace_id))
}
