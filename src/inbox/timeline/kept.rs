//! What the messages of a chunk carry, one behind the other.

/// Bytes that are added to. Many that have no room for more stay where they lie when more comes: the first message after a
/// replay copies no content but its own.
#[derive(Debug)]
pub(crate) enum Kept {
    /// In one piece.
    Whole(Vec<u8>),
    /// Those that had no room, and those behind them.
    Apart(Box<(Box<[u8]>, Vec<u8>)>),
}

/// What is copied sooner than kept apart.
const FEW_LEN_BYTES: usize = 512;

impl Default for Kept {
    fn default() -> Self {
        Self::Whole(Vec::new())
    }
}

impl From<Vec<u8>> for Kept {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes)
    }
}

impl Kept {
    /// Those that stay where they lie, and those that are added to.
    #[inline]
    fn parts(&self) -> (&[u8], &Vec<u8>) {
        match self {
            Self::Whole(bytes) => (&[], bytes),
            Self::Apart(parts) => (&parts.0, &parts.1),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        let (first, rest) = self.parts();
        first.len() + rest.len()
    }

    /// For how many there is room.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        let (_, rest) = self.parts();
        rest.capacity() - rest.len()
    }

    /// Makes room for exactly so many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.end().reserve_exact(more);
    }

    /// Keeps what has no room for more where it lies, if it is much.
    #[inline(never)]
    pub(crate) fn set_apart(&mut self) {
        if let Self::Whole(bytes) = self
            && bytes.len() == bytes.capacity()
            && bytes.len() >= FEW_LEN_BYTES
        {
            let first = std::mem::take(bytes).into_boxed_slice();
            *self = Self::Apart(Box::new((first, Vec::new())));
        }
    }

    /// Where more is added, at the end.
    #[inline]
    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Apart(parts) => &mut parts.1,
        }
    }

    pub(crate) fn last(&self) -> Option<u8> {
        let (first, rest) = self.parts();
        rest.last().or(first.last()).copied()
    }

    /// So many from a place on, which were added at once; none if there are fewer.
    #[inline]
    pub(crate) fn get(&self, from: usize, len: usize) -> &[u8] {
        let (first, rest) = self.parts();
        let part = match from.checked_sub(first.len()) {
            Some(from) => rest.get(from..from + len),
            None => first.get(from..from + len),
        };
        part.unwrap_or_default()
    }

    /// All in one piece.
    pub(crate) fn whole(&mut self) -> &mut Vec<u8> {
        if let Self::Apart(parts) = self {
            let (first, rest) = std::mem::take(&mut **parts);
            let mut bytes = first.into_vec();
            bytes.reserve_exact(rest.len());
            bytes.extend_from_slice(&rest);
            *self = Self::Whole(bytes);
        }
        self.end()
    }

    /// A copy to be added to, with room for so many more.
    pub(crate) fn copy(&self, more: usize) -> Self {
        let (first, rest) = self.parts();
        let mut bytes = Vec::with_capacity(first.len() + rest.len() + more);
        bytes.extend_from_slice(first);
        bytes.extend_from_slice(rest);
        Self::Whole(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_in_one_piece_and_in_two() {
        let (mut kept, mut plain, mut were_apart) = (Kept::default(), Vec::new(), 0);
        for n in 0..1_000_usize {
            let some = vec![n as u8; n % 7];
            let at = kept.len();
            kept.set_apart();
            kept.end().extend_from_slice(&some);
            plain.extend_from_slice(&some);
            were_apart += usize::from(matches!(kept, Kept::Apart(_)));
            if n % 31 == 30 {
                kept.whole().shrink_to_fit();
                assert_eq!(kept.room(), 0);
            }
            let copy = kept.copy(10);
            assert!(copy.room() >= 10);
            for kept in [&kept, &copy] {
                assert_eq!((kept.len(), kept.last()), (plain.len(), plain.last().copied()));
                assert_eq!(kept.get(at, some.len()), some);
                assert!(kept.get(at, some.len() + 1).is_empty() && kept.get(0, 0).is_empty());
            }
        }
        assert_eq!(kept.whole(), &plain);
        assert!(were_apart > 500, "{were_apart}");
    }
}
