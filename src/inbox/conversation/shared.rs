//! What members share about a conversation, its messages apart, and how far it was read by number.

use std::sync::{Arc, LazyLock};

use crate::inbox::containers::sparse::Absent;
use crate::model::event::GroupType;
use crate::register::lattice::{Front, Lww};

/// What all members share about a conversation, its messages and how far the peer has read apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) group_type: Lww<GroupType>,
    pub(crate) name: Lww<Arc<str>>,
    pub(crate) face_url: Lww<Arc<str>>,
    /// The messages that the peer has read by name.
    pub(crate) named_peer_reads: im::OrdSet<u32>,
}

impl Absent for Shared {
    fn absent() -> &'static Self {
        static ABSENT: LazyLock<Shared> = LazyLock::new(Shared::default);
        &ABSENT
    }
}

/// How far a conversation was read by number, of which nearly every one knows something.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    /// The owner's.
    pub(crate) own: Front,
    /// The greatest first field that the peer has read, -1 for none.
    pub(crate) peer: i64,
}

impl Default for Reads {
    fn default() -> Self {
        Self { own: Front::default(), peer: -1 }
    }
}
