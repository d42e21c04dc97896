//! Where traces go, by the names that OpenTelemetry gives these settings
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).

use std::collections::HashMap;

use super::SettingsError;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SAMPLERS: [&str; 4] =
    ["always_on", "always_off", "parentbased_always_on", "parentbased_always_off"];
const SAMPLERS_BY_RATIO: [&str; 2] = ["traceidratio", "parentbased_traceidratio"];

/// The URL that spans are posted to, where the environment names one.
pub(super) fn endpoint(environment: &HashMap<String, String>) -> Option<String> {
    let known = |name| environment.get(name).filter(|value| !value.is_empty());
    let base = || known(ENDPOINT).map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
    known(TRACES_ENDPOINT).cloned().or_else(base)
}

/// Refuses what the library would pass over, and then export nothing, or too much.
pub(super) fn validate(environment: &HashMap<String, String>) -> Result<(), SettingsError> {
    let known = |name| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let wrong = |problem: String| Err(SettingsError(problem));
    for name in PROTOCOLS {
        if known(name).is_some_and(|protocol| protocol != "http/protobuf") {
            return wrong(format!(
                "{name} must be http/protobuf, which collectors serve on port 4318"
            ));
        }
    }
    match known(SAMPLER) {
        None => {}
        Some(sampler) if SAMPLERS.contains(&sampler) => {}
        Some(sampler) if SAMPLERS_BY_RATIO.contains(&sampler) => {
            let ratio = known(SAMPLER_ARG).and_then(|ratio| ratio.parse::<f64>().ok());
            if !ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
                return wrong(format!("{SAMPLER_ARG} must be a number from 0 to 1"));
            }
        }
        Some(_) => {
            let samplers = [&SAMPLERS[..], &SAMPLERS_BY_RATIO].concat().join(", ");
            return wrong(format!("{SAMPLER} must be one of {samplers}"));
        }
    }
    Ok(())
}
