//! Settings that refuse requests now: `preempt`, `limit.active` or `limit.rate`. A setting in force
//! that refuses none is not a finding.

use super::look::Look;
use crate::health::finding::{Finding, Symptom};
use crate::health::traffic::RouteTraffic;
use crate::settings::EffectiveSettings;
use crate::units::human;

pub(super) fn look(look: &mut Look, traffic: &RouteTraffic) {
    let recent = traffic.recent();
    if recent.refused == 0 {
        return;
    }
    let route = traffic.route;
    let Some(settings) = route.effective() else {
        return;
    };
    let refusing = refusing(&settings);
    if refusing.is_empty() {
        return;
    }
    let is_refusing = |key: &str| refusing.iter().any(|(refusing, _)| *refusing == key);
    let expiries = route.transient_expiries(&traffic.handler.settings);
    let until = expiries
        .into_iter()
        .filter(|(key, _)| is_refusing(key))
        .map(|(_, at)| at)
        .min();
    let until = until.map_or_else(
        || "without an expiry".to_owned(),
        |at| format!("for another {}", human(at.since(look.now))),
    );
    let shown: Vec<&str> = refusing.iter().map(|(_, shown)| &**shown).collect();
    let all = recent.refused.wrapping_add(recent.ended());
    let evidence = format!(
        "{} of {all} requests refused in the last minute by {}, {until}",
        recent.refused,
        shown.join(", ")
    );
    let next = ("GET /_routes/", "/settings");
    let subject = [route.address(), 0];
    let finding = Finding::new(Symptom::Shed, subject, &look.names.shown(route), look.now)
        .with_evidence(&evidence)
        .with_next(look.names.request(route, next, "GET /_routes/settings"))
        .with_affected(usize::try_from(recent.refused).unwrap_or(usize::MAX), &[])
        .with_routes(&[route]);
    look.found.push(finding);
}

/// The settings that refuse requests, each with its value.
fn refusing(settings: &EffectiveSettings) -> Vec<(&'static str, String)> {
    let preempt = settings.preempt.as_ref().map(|preempt| {
        let status = preempt.status.as_u16();
        let key = "preempt.status";
        match preempt.ratio {
            ratio if ratio < 1.0 => (key, format!("{key} {status} for a share of {ratio}")),
            _ => (key, format!("{key} {status}")),
        }
    });
    let active = settings.max_active;
    let active = active.map(|most| ("limit.active", format!("limit.active {most}")));
    let rate = settings.max_rate;
    let rate = rate.map(|most| ("limit.rate", format!("limit.rate {most}")));
    [preempt, active, rate].into_iter().flatten().collect()
}
