//! How the payload of a record is packed.

use std::borrow::Cow;
use std::io;

use crate::log::binary::error::FaultReason;
use crate::log::binary::frame::PACKED;

/// How segments are packed. A reader is told by each record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// As they are.
    #[default]
    Plain,
    /// With zstd, where that helps. Records are smaller then, so that reading one never takes much memory.
    #[cfg(feature = "zstd")]
    Zstd,
}

/// A payload may unpack to so much, whatever its length …
#[cfg(feature = "zstd")]
const FREE_LEN_BYTES: usize = 32 << 10;

/// … or to so many times its length: a small record cannot claim much memory.
#[cfg(feature = "zstd")]
const MAX_RATIO: usize = 2;

impl Packing {
    /// When a segment is to be sealed.
    pub(crate) fn full_len_bytes(self) -> usize {
        match self {
            Self::Plain => 4 << 20,
            #[cfg(feature = "zstd")]
            Self::Zstd => FREE_LEN_BYTES * 7 / 8,
        }
    }

    /// The payload, packed; `None` where that does not help.
    #[cfg_attr(not(feature = "zstd"), allow(unused_variables))]
    pub(crate) fn pack(self, payload: &[u8]) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Plain => Ok(None),
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let len = u32::try_from(payload.len()).map_err(io::Error::other)?;
                let packed = zstd::bulk::compress(payload, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                let packed_len_bytes = packed.len() + size_of::<u32>();
                if packed_len_bytes >= payload.len() || !is_bounded(packed_len_bytes, payload.len()) {
                    return Ok(None);
                }
                Ok(Some([&len.to_le_bytes(), packed.as_slice()].concat()))
            }
        }
    }
}

/// Whether so many bytes may unpack to so many.
#[cfg(feature = "zstd")]
fn is_bounded(packed_len_bytes: usize, len_bytes: usize) -> bool {
    len_bytes <= FREE_LEN_BYTES.max(packed_len_bytes * MAX_RATIO)
}

/// The payload that was packed.
pub(crate) fn unpack(flags: u8, payload: &[u8]) -> Result<Cow<'_, [u8]>, FaultReason> {
    if flags & PACKED == 0 {
        return Ok(Cow::Borrowed(payload));
    }
    #[cfg(feature = "zstd")]
    {
        let undecodable = FaultReason::Unreadable("a packed record that cannot be unpacked");
        let Some((len, packed)) = payload.split_first_chunk() else { return Err(undecodable) };
        let len = u32::from_le_bytes(*len) as usize;
        if !is_bounded(payload.len(), len) {
            return Err(undecodable);
        }
        match zstd::bulk::decompress(packed, len) {
            Ok(bytes) if bytes.len() == len => Ok(Cow::Owned(bytes)),
            _ => Err(undecodable),
        }
    }
    #[cfg(not(feature = "zstd"))]
    Err(FaultReason::Unreadable(
        "a record packed with zstd, which this build (without feature zstd) cannot read",
    ))
}
