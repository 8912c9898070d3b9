//! The channels on which appends are told, and what is said on them.

use chatfold::shared::StreamId;

use crate::heard::Heard;

/// Over how many channels appends are told: by a hash of the inbox, so that who serves a part of the inboxes may hear of
/// that part alone.
pub const CHANNELS: u16 = 16;

/// What is said where any inbox may have changed.
const ALL: &str = "*";

/// The name of a channel.
pub(crate) fn name(channel: u16) -> String {
    format!("chatfold_{channel}")
}

/// The channel of an inbox: FNV-1a, mixed once more since names that end alike differ in few of its bits. Servers of all
/// versions have to agree on it.
pub(crate) fn of(inbox: &StreamId) -> u16 {
    let hash = inbox.key().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((mixed >> 32) % u64::from(CHANNELS)) as u16
}

/// How a change is said: the number of events, a space and the stream's key.
pub(crate) fn said(told: &Heard) -> String {
    match told {
        Heard::Inbox { inbox, events } => format!("{events} {}", inbox.key()),
        Heard::All => ALL.to_owned(),
    }
}

/// What a notification says; `None` if it is none of this crate's.
pub(crate) fn heard(said: &str) -> Option<Heard> {
    if said == ALL {
        return Some(Heard::All);
    }
    let (events, inbox) = said.split_once(' ')?;
    Some(Heard::Inbox { inbox: StreamId::from_key(inbox).ok()?, events: events.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_heard() {
        for (name, events) in
            [("bob", 0), ("li lei 3", 17), ("*", u64::MAX), ("\td", 1), ("\tc:c2c_li lei\tbob", 2)]
        {
            let told = Heard::Inbox { inbox: StreamId::from_key(name).unwrap(), events };
            assert_eq!(heard(&said(&told)), Some(told));
        }
        assert_eq!(heard(&said(&Heard::All)), Some(Heard::All));
        assert_eq!((heard(""), heard("bob"), heard("-1 bob"), heard("1 ")), (None, None, None, None));
    }

    #[test]
    fn inboxes_are_spread_over_all_channels_and_stay_there() {
        let mut inboxes = [0; CHANNELS as usize];
        for n in 0..1_600 {
            let owner = StreamId::from_key(&format!("owner{n}")).unwrap();
            inboxes[usize::from(of(&owner))] += 1;
        }
        assert!(inboxes.iter().all(|count| (50..200).contains(count)), "{inboxes:?}");
        let of = |name: &str| of(&StreamId::from_key(name).unwrap());
        assert_eq!([of("alice"), of("bob"), of("carol")], [14, 9, 10]);
    }
}
