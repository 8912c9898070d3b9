//! Fresh ids: UUIDs of the shape of version 7, derived from the context's seed; and the ids that follow from what they
//! are of.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::model::id::{ConversationId, DERIVED_EVENTS, EventId};
use crate::model::time::Timestamp;

/// How many bits of a version 7 UUID are neither time nor version nor variant.
const TAIL_BITS: u32 = 74;

/// What an id is for: ids for unlike things never meet, whatever the seed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Event = 1,
    Message = 2,
    Folder = 3,
}

/// A source of event ids that ascend within one decision.
#[derive(Debug)]
pub(crate) struct Fresh {
    seed: [u8; 16],
    events: u32,
}

impl Fresh {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        Self { seed, events: 0 }
    }

    /// The next event's id.
    pub(crate) fn event(&mut self, at: Timestamp) -> EventId {
        let id = EventId::from_bytes(self.bytes(Purpose::Event, at, self.events));
        self.events = self.events.wrapping_add(1);
        id
    }

    /// The id of the `n`th thing of a purpose; of equal times, ascending with `n`.
    pub(crate) fn bytes(&self, purpose: Purpose, at: Timestamp, n: u32) -> [u8; 16] {
        // The tail's top bit stays free, so that counting up never overflows it.
        let chance = xxh3_128_with_seed(&self.seed, purpose as u64);
        let tail = (chance & ((1 << (TAIL_BITS - 1)) - 1)) + u128::from(n);
        let time = u128::from(at.as_millis().unsigned_abs()) & ((1 << 48) - 1);
        let (high, low) = (tail >> 62, tail & ((1 << 62) - 1));
        (time << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low).to_be_bytes()
    }
}

/// The id of the event that ends a receive option which `setting` set for a time: a UUID of version 5 over an empty network,
/// the conversation, the event's kind and the setting, one line each. So all devices write the same event (R57).
pub(crate) fn expired_id(conversation: &ConversationId, setting: EventId) -> EventId {
    let name = format!("\n{conversation}\nreceive_option_expired\n{setting}");
    EventId::from_bytes(*uuid::Uuid::new_v5(&DERIVED_EVENTS, name.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r57_the_id_of_an_end_follows_from_the_setting() {
        let setting = "018f0e2a-0000-7000-8000-000000000001".parse().unwrap();
        let id = expired_id(&"c2c_bob".parse().unwrap(), setting);
        assert_eq!(id.to_string(), "bb189cae-35a6-5122-878a-3f00e92bdf68");
    }

    #[test]
    fn ids_are_of_version_7_and_ascend() {
        let at = Timestamp::from_millis(1_772_355_605_250).unwrap();
        for seed in [[0; 16], [7; 16], [255; 16]] {
            let mut fresh = Fresh::new(seed);
            let ids: Vec<_> = (0..5_000).map(|_| fresh.event(at)).collect();
            assert!(ids.is_sorted_by(|a, b| a < b), "one after the other");
            for id in [ids[0], ids[4_999]] {
                assert_eq!(id.uuid().get_version_num(), 7);
                assert_eq!(id.uuid().get_variant(), uuid::Variant::RFC4122);
                assert_eq!(u128::from_be_bytes(*id.as_bytes()) >> 80, 1_772_355_605_250);
            }
            assert_eq!(ids[0], Fresh::new(seed).event(at), "the same seed, the same ids");
            assert_ne!(fresh.bytes(Purpose::Folder, at, 0), *ids[0].as_bytes());
        }
        assert_ne!(Fresh::new([1; 16]).event(at), Fresh::new([2; 16]).event(at));
    }
}
