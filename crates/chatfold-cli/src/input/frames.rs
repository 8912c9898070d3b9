//! The frames of a zstd stream: which of them carry a checksum of what they unpack to.
//!
//! Only the frames' own structure is read (RFC 8878, 3.1), as their bytes pass by on their way to the decoder.

use std::io;

/// What stands before a log that this program packed: a skippable frame. Each frame behind it has a checksum.
pub const OURS: &[u8; 16] = b"\x5c\x2a\x4d\x18\x08\x00\x00\x00chatfold";

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const CHECK_LEN_BYTES: u64 = 4;

/// What the next bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Magic,
    SkippableLen,
    /// What a skippable frame of the length of our name says.
    Name,
    Descriptor,
    Block,
    /// No frame begins where one should: the decoder says so.
    Lost,
}

/// A stream of frames, passed over.
#[derive(Debug, Default)]
pub struct Frames {
    next: Next,
    /// Bytes of what comes next, as far as they came.
    held: Vec<u8>,
    /// How many bytes are passed over before it.
    skip: u64,
    /// Whether the current frame has a checksum.
    has_check: bool,
    unchecked: u64,
    is_ours: bool,
}

impl Frames {
    /// How many frames have no checksum.
    pub fn unchecked(&self) -> u64 {
        self.unchecked
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    ///
    /// Where a frame without a checksum stands in what this program packed.
    pub fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && self.next != Next::Lost {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if self.skip > 0 {
                return Ok(());
            }
            let want = match self.next {
                Next::Magic | Next::SkippableLen => 4,
                Next::Name => 8,
                Next::Descriptor => 1,
                Next::Block => 3,
                Next::Lost => return Ok(()),
            };
            let (part, rest) = bytes.split_at((want - self.held.len()).min(bytes.len()));
            self.held.extend_from_slice(part);
            bytes = rest;
            if self.held.len() == want {
                let held = std::mem::take(&mut self.held);
                self.take(&held)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, held: &[u8]) -> io::Result<()> {
        match (self.next, held) {
            (Next::Magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) => self.next = Next::SkippableLen,
            (Next::Magic, held) if *held == MAGIC => self.next = Next::Descriptor,
            (Next::SkippableLen, [a, b, c, d]) => match u32::from_le_bytes([*a, *b, *c, *d]) {
                8 => self.next = Next::Name,
                len => (self.next, self.skip) = (Next::Magic, u64::from(len)),
            },
            (Next::Name, name) => {
                self.is_ours |= OURS.ends_with(name);
                self.next = Next::Magic;
            }
            (Next::Descriptor, [descriptor]) => return self.frame(*descriptor),
            (Next::Block, [a, b, c]) => {
                let head = u32::from_le_bytes([*a, *b, *c, 0]);
                // A block of one repeated byte holds that byte, and says how often.
                self.skip = if head >> 1 & 3 == 1 { 1 } else { u64::from(head >> 3) };
                if head & 1 == 1 {
                    self.skip += if self.has_check { CHECK_LEN_BYTES } else { 0 };
                    self.next = Next::Magic;
                }
            }
            _ => self.next = Next::Lost,
        }
        Ok(())
    }

    fn frame(&mut self, descriptor: u8) -> io::Result<()> {
        let is_single = descriptor >> 5 & 1;
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
        let content = match descriptor >> 6 {
            0 => u64::from(is_single),
            power => 1 << power,
        };
        self.skip = u64::from(1 - is_single) + dictionary + content;
        self.has_check = descriptor >> 2 & 1 == 1;
        self.unchecked += u64::from(!self.has_check);
        self.next = Next::Block;
        if self.is_ours && !self.has_check {
            let what = "a frame without its checksum in a log that this program packed with them";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(content: &[u8], check: bool, level: i32) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
        encoder.include_checksum(check).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn frames_without_a_checksum_are_counted_however_the_bytes_come() {
        let content: Vec<u8> = (0..400_000_u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
        for size in [0, 1, 100, 300_000, content.len()] {
            for level in [1, 19] {
                let (with, without) =
                    (packed(&content[..size], true, level), packed(&content[..size], false, level));
                let bulk = zstd::bulk::compress(&content[..size], level).unwrap();
                let skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc".to_vec();
                let stream = [with.clone(), without.clone(), skippable, bulk, with].concat();
                for step in [1, 7, 64 << 10, stream.len()] {
                    let mut frames = Frames::default();
                    stream.chunks(step).for_each(|bytes| frames.pass(bytes).unwrap());
                    assert_eq!((frames.unchecked(), frames.next), (2, Next::Magic), "{size} by {step}");
                }
            }
        }
        let mut frames = Frames::default();
        frames.pass(OURS).unwrap();
        frames.pass(&packed(b"log", true, 3)).unwrap();
        assert!(frames.pass(&packed(b"log", false, 3)).is_err(), "ours has a checksum in every frame");
        let mut frames = Frames::default();
        frames.pass(b"no frame at all").unwrap();
        assert_eq!((frames.unchecked(), frames.next), (0, Next::Lost));
    }
}
