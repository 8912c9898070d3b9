//! Names and faces of users.

use std::sync::Arc;

use crate::register::lattice::{Join, Lww, shown};

/// What is known of a user; each field by its last writer (R21).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) nickname: Lww<Arc<str>>,
    /// The owner's own name for the user.
    pub(crate) remark: Lww<Arc<str>>,
    pub(crate) face_url: Lww<Arc<str>>,
}

impl Profile {
    pub(crate) fn join(&mut self, other: &Self) {
        self.nickname.join(&other.nickname);
        self.remark.join(&other.remark);
        self.face_url.join(&other.face_url);
    }

    /// Nickname, remark and face as they show.
    pub(crate) fn shown(&self) -> [Option<&str>; 3] {
        [shown(&self.nickname), shown(&self.remark), shown(&self.face_url)]
    }
}
