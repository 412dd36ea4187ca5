//! Owns noticing that this computer slept or that its clock was set: a link may have died then without a word.
//!
//! It compares clocks; what follows is the worker's.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The clock on the wall, which goes on while the computer sleeps.
pub type Wall = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How closely the clocks are watched.
#[derive(Clone)]
pub struct Awake {
    /// The clock on the wall.
    pub wall: Wall,
    /// How often it is compared with the one that counts only waking time.
    pub every: Duration,
    /// How long a link may take to show that it is still there.
    pub probe: Duration,
}

impl Default for Awake {
    fn default() -> Self {
        Self { wall: Arc::new(SystemTime::now), every: Duration::from_secs(15), probe: Duration::from_secs(10) }
    }
}

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    waking: Instant,
    wall: SystemTime,
}

impl Moment {
    /// Says whether one clock went further than the other by more than clocks are corrected by.
    pub fn has_jumped(self, now: Moment) -> bool {
        const JUMP: Duration = Duration::from_secs(10);
        let waking = now.waking.saturating_duration_since(self.waking);
        match now.wall.duration_since(self.wall) {
            Ok(wall) => wall.abs_diff(waking) > JUMP,
            // Backwards.
            Err(back) => back.duration() + waking > JUMP,
        }
    }
}

impl Awake {
    /// Reads both clocks.
    pub fn now(&self) -> Moment {
        Moment { waking: Instant::now(), wall: (self.wall)() }
    }

    /// Waits until the clocks have parted.
    pub async fn jumped(&self) {
        let mut before = self.now();
        loop {
            tokio::time::sleep(self.every).await;
            let now = self.now();
            if before.has_jumped(now) {
                return;
            }
            before = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clocks_that_part_are_a_jump() {
        let start = Moment { waking: Instant::now(), wall: SystemTime::now() };
        let after = |waking, wall: i64| {
            let by = Duration::from_secs(wall.unsigned_abs());
            let wall = if wall < 0 { start.wall - by } else { start.wall + by };
            start.has_jumped(Moment { waking: start.waking + Duration::from_secs(waking), wall })
        };
        let years = 10 * 365 * 86_400;
        // On time, late because the machine was busy, and corrected by a second.
        assert!(!after(15, 15) && !after(600, 600) && !after(15, 16) && !after(15, 14));
        // Asleep, and set by years to either side.
        assert!(after(15, 3_600) && after(0, years) && after(15, -years));
    }
}
