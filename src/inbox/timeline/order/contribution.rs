//! What a message adds to totals, and totals over messages.

use crate::inbox::timeline::entry::Position;

/// What a message adds to its conversation's totals, deletions and clearings aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contribution {
    /// `None`: not known.
    pub(crate) position: Option<Position>,
    pub(crate) flags: u8,
    /// Tells lists of mentions apart: 0 unless [`Contribution::MENTION`].
    pub(crate) mention_sig: u64,
    /// The greatest instant at which it moved the conversation (R35), -1 for none.
    pub(crate) activity: i64,
}

impl Contribution {
    /// Counts as unread after the read marker (R23).
    pub(crate) const UNREAD: u8 = 1;
    /// Mentions the owner after the read marker (R26).
    pub(crate) const MENTION: u8 = 2;
    /// May be the last message (R25).
    pub(crate) const SHOWN: u8 = 4;
    /// Lists its conversation (R36).
    pub(crate) const PRESENT: u8 = 8;

    /// Is a read of its position where the policy says so (R39).
    pub(crate) const OWN_READ: u8 = 16;

    pub(crate) const NONE: Self = Self { position: None, flags: 0, mention_sig: 0, activity: -1 };

    /// What an ordinary message adds, written by the owner or another.
    #[inline]
    pub(crate) fn ordinary(position: Position, own: bool, activity: i64) -> Self {
        let counted = if own { Self::OWN_READ } else { Self::UNREAD };
        let flags = counted | Self::SHOWN | Self::PRESENT;
        Self { position: Some(position), flags, mention_sig: 0, activity }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Known, with a first field after `floor`.
    pub(crate) fn is_after(&self, floor: i64) -> bool {
        self.position.is_some_and(|p| p.first > floor)
    }
}

/// How the tree asks what a slot holds.
pub(crate) trait Look {
    fn contribution(&self, slot: u32) -> Contribution;
    fn position(&self, slot: u32) -> Position;
}

/// Totals over some messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) unread: u32,
    pub(crate) mentions: u32,
    pub(crate) shown: u32,
    pub(crate) present: u32,
    pub(crate) mention_sig: u64,
    pub(crate) activity: i64,
}

impl Sum {
    pub(crate) const ZERO: Self =
        Self { unread: 0, mentions: 0, shown: 0, present: 0, mention_sig: 0, activity: -1 };

    pub(crate) fn add(&mut self, contribution: &Contribution) {
        self.unread = self.unread.saturating_add(u32::from(contribution.has(Contribution::UNREAD)));
        self.mentions = self.mentions.saturating_add(u32::from(contribution.has(Contribution::MENTION)));
        self.shown = self.shown.saturating_add(u32::from(contribution.has(Contribution::SHOWN)));
        self.present = self.present.saturating_add(u32::from(contribution.has(Contribution::PRESENT)));
        self.mention_sig = self.mention_sig.wrapping_add(contribution.mention_sig);
        self.activity = self.activity.max(contribution.activity);
    }

    /// Subtracts a contribution from all but the activity, which is a maximum: see [`Sum::activity`].
    pub(crate) fn sub_counts(&mut self, contribution: &Contribution) {
        // Saturating: totals from a forged snapshot may be too small, and the fold never fails (R01).
        self.unread = self.unread.saturating_sub(u32::from(contribution.has(Contribution::UNREAD)));
        self.mentions = self.mentions.saturating_sub(u32::from(contribution.has(Contribution::MENTION)));
        self.shown = self.shown.saturating_sub(u32::from(contribution.has(Contribution::SHOWN)));
        self.present = self.present.saturating_sub(u32::from(contribution.has(Contribution::PRESENT)));
        self.mention_sig = self.mention_sig.wrapping_sub(contribution.mention_sig);
    }

    pub(crate) fn add_sum(&mut self, other: &Self) {
        self.unread = self.unread.saturating_add(other.unread);
        self.mentions = self.mentions.saturating_add(other.mentions);
        self.shown = self.shown.saturating_add(other.shown);
        self.present = self.present.saturating_add(other.present);
        self.mention_sig = self.mention_sig.wrapping_add(other.mention_sig);
        self.activity = self.activity.max(other.activity);
    }

    /// So many times the same, but for mentions.
    pub(crate) fn times(&self, count: u32) -> Self {
        let [unread, shown, present] =
            [self.unread, self.shown, self.present].map(|each| each.saturating_mul(count));
        Self { unread, shown, present, ..Self::ZERO }
    }

    pub(crate) fn count(&self, flag: u8) -> u32 {
        match flag {
            Contribution::UNREAD => self.unread,
            Contribution::MENTION => self.mentions,
            Contribution::SHOWN => self.shown,
            _ => self.present,
        }
    }
}
