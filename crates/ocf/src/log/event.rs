//! Level, message and fields of an event of `tracing`.

use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

pub(super) struct LogLine {
    pub(super) level: Level,
    /// The event repeats the exit reason, which stderr already has.
    pub(super) is_reason: bool,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, FieldValue)>,
}

pub(super) enum FieldValue {
    /// A number or a boolean, written without quotes.
    Literal(String),
    Text(String),
}

impl LogLine {
    pub(super) fn from_event(event: &Event<'_>) -> Self {
        let level = *event.metadata().level();
        let is_reason = event.metadata().target() == super::REASON;
        let mut line = Self { level, is_reason, message: String::new(), fields: Vec::new() };
        event.record(&mut line);
        line
    }

    /// `message key=value key="two words"`.
    pub(super) fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in &self.fields {
            // Writing to a String can't fail.
            let _ = match value {
                FieldValue::Text(value)
                    if value.is_empty() || value.contains(char::is_whitespace) =>
                {
                    write!(text, " {name}={value:?}")
                }
                FieldValue::Text(value) | FieldValue::Literal(value) => {
                    write!(text, " {name}={value}")
                }
            };
        }
        text
    }

    /// The shell agents' name of the level.
    pub(super) fn level_name(&self) -> &'static str {
        match self.level {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            _ => "DEBUG",
        }
    }

    pub(super) fn severity(&self) -> u8 {
        match self.level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        }
    }

    pub(super) fn is_debug(&self) -> bool {
        self.level > Level::INFO
    }

    fn set_field(&mut self, field: &Field, value: FieldValue) {
        match (field.name(), value) {
            ("message", FieldValue::Text(text) | FieldValue::Literal(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set_field(field, FieldValue::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_field(field, FieldValue::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set_field(field, FieldValue::Literal(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set_field(field, FieldValue::Literal(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has neither infinity nor NaN.
        let text = format!("{value:.3}");
        self.set_field(
            field,
            if value.is_finite() { FieldValue::Literal(text) } else { FieldValue::Text(text) },
        );
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set_field(field, FieldValue::Literal(value.to_string()));
    }
}
