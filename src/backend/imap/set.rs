//! Owns sets of UIDs as runs: a million messages in a row cost eight bytes.
//!
//! It never spells out a run that a server only claims.

use std::fmt::Write;

/// A sorted set of UIDs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UidSet {
    runs: Vec<(u32, u32)>,
}

impl UidSet {
    /// Reads `1,5:8,20`; a run may be written backwards. `None` for anything else, `*` and 0 included.
    pub fn parse(text: &[u8]) -> Option<UidSet> {
        let text = std::str::from_utf8(text).ok()?;
        let mut set = UidSet::default();
        for piece in text.split(',') {
            let (first, last) = piece.split_once(':').unwrap_or((piece, piece));
            let uid = |text: &str| text.parse::<u32>().ok().filter(|uid| *uid > 0 && !text.starts_with('+'));
            let (first, last) = (uid(first)?, uid(last)?);
            set.runs.push((first.min(last), first.max(last)));
        }
        set.sort();
        Some(set)
    }

    /// Adds a UID; call [`UidSet::sort`] after the last one.
    pub fn push(&mut self, uid: u32) {
        match self.runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            _ => self.runs.push((uid, uid)),
        }
    }

    /// Puts the runs in order and joins those that touch.
    pub fn sort(&mut self) {
        self.runs.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(self.runs.len());
        for (first, last) in self.runs.drain(..) {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        self.runs = joined;
    }

    /// Adds the UIDs of another set; call [`UidSet::sort`] after the last one.
    pub fn merge(&mut self, other: &UidSet) {
        self.runs.extend(&other.runs);
    }

    /// Counts the UIDs.
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Says whether the UID is in the set.
    pub fn contains(&self, uid: u32) -> bool {
        let after = self.runs.partition_point(|(first, _)| *first <= uid);
        after.checked_sub(1).and_then(|index| self.runs.get(index)).is_some_and(|(_, last)| uid <= *last)
    }

    /// Walks the UIDs, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Gives the highest UID that is not in the other set.
    pub fn highest_outside(&self, other: &UidSet) -> Option<u32> {
        self.runs.iter().rev().flat_map(|(first, last)| (*first..=*last).rev()).find(|uid| !other.contains(*uid))
    }

    /// Keeps what lies in `low..high`.
    pub fn within(&self, low: u32, high: u32) -> UidSet {
        let cut = |(first, last): &(u32, u32)| {
            let (first, last) = (*first.max(&low), (*last).min(high.checked_sub(1)?));
            (first <= last).then_some((first, last))
        };
        UidSet { runs: self.runs.iter().filter_map(cut).collect() }
    }

    /// Takes the highest `count` UIDs out of the set, and gives them.
    pub fn split_highest(&mut self, count: u64) -> UidSet {
        let (mut taken, mut left) = (Vec::new(), count);
        while left > 0 {
            let Some((first, last)) = self.runs.pop() else { break };
            let length = u64::from(last - first) + 1;
            if length > left {
                let cut = last - u32::try_from(left).unwrap_or(u32::MAX);
                self.runs.push((first, cut));
                taken.push((cut + 1, last));
                break;
            }
            taken.push((first, last));
            left -= length;
        }
        taken.reverse();
        UidSet { runs: taken }
    }

    /// Takes the lowest `count` UIDs out of the set, and gives them.
    pub fn split_lowest(&mut self, count: u64) -> UidSet {
        let rest = self.count().saturating_sub(count);
        let upper = self.split_highest(rest);
        std::mem::replace(self, upper)
    }

    /// Gives the lowest UID.
    pub fn lowest(&self) -> Option<u32> {
        self.runs.first().map(|(first, _)| *first)
    }

    /// Gives the highest UID.
    pub fn highest(&self) -> Option<u32> {
        self.runs.last().map(|(_, last)| *last)
    }

    /// Says whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Writes the set as a command wants it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (first, last) in &self.runs {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = match first == last {
                true => write!(text, "{comma}{first}"),
                false => write!(text, "{comma}{first}:{last}"),
            };
        }
        text
    }
}

impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut set = Self::default();
        uids.into_iter().for_each(|uid| set.push(uid));
        set.sort();
        set
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_claim_of_everything_costs_nothing() {
        let set = UidSet::parse(b"1:4294967295,7,4294967295:5").unwrap();
        assert_eq!((set.count(), set.to_text().as_str()), (u64::from(u32::MAX), "1:4294967295"));
        assert_eq!(set.within(5, 8).to_text(), "5:7");
        assert!(set.within(5, 5).is_empty() && set.within(0, 0).is_empty());
    }

    proptest! {
        #[test]
        fn sets_are_sets(uids in prop::collection::vec(1_u32..200, 0..80), count in 0_u64..90, low in 0_u32..200) {
            let plain: BTreeSet<u32> = uids.iter().copied().collect();
            let set: UidSet = uids.into_iter().collect();
            prop_assert!(set.iter().eq(plain.iter().copied()));
            prop_assert_eq!(set.count(), plain.len() as u64);
            prop_assert_eq!(set.contains(low), plain.contains(&low));
            prop_assert_eq!(set.within(low, 150).count(), plain.iter().filter(|uid| (low..150).contains(uid)).count() as u64);
            let (mut rest, mut other) = (set.clone(), set.clone());
            let highest = rest.split_highest(count);
            prop_assert_eq!(highest.count(), count.min(set.count()));
            prop_assert!(rest.iter().chain(highest.iter()).eq(set.iter()));
            let lowest = other.split_lowest(count);
            prop_assert!(lowest.iter().chain(other.iter()).eq(set.iter()));
            prop_assert_eq!(lowest.count(), count.min(set.count()));
            if !set.is_empty() {
                prop_assert_eq!(UidSet::parse(set.to_text().as_bytes()), Some(set));
            }
        }
    }
}
