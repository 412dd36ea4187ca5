//! Owns the clock that the screen is told: the machine's, or one that stands still for pictures and tests.

use std::time::{Instant, SystemTime};

use crate::mail::time::UnixTime;
use crate::ui::message::Moment;

/// Where the time comes from.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    fixed: Option<UnixTime>,
    started: Instant,
}

impl Clock {
    /// Starts a clock; with a fixed time the day stands still, and only waits go on.
    pub fn start(fixed: Option<UnixTime>) -> Self {
        Self { fixed, started: Instant::now() }
    }

    /// Gives the time of day.
    pub fn unix(&self) -> UnixTime {
        self.fixed.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        })
    }

    /// Gives both kinds of time that a message carries.
    pub fn moment(&self) -> Moment {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment { unix: self.unix(), millis }
    }
}
