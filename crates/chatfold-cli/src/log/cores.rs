//! Folding a text log on several cores: each thread replays parts of it, and what they have is shared out by conversation to
//! be finished. Order means nothing to the fold (R03), so neither does which thread gets which part.

use std::io::{self, BufRead, Cursor, Read as _};
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use chatfold::jsonl::{DEFAULT_LINE_LIMIT_BYTES, LoggedEvent, ReadError, Reader};
use chatfold::{Inbox, Policy, Replay, UserId};

use super::tally::{Choice, Tally};

/// How many bytes of a log one more thread is worth.
const MIN_LEN_BYTES: u64 = 4 << 20;

/// How many bytes of whole lines a thread takes at once, a long last line apart.
const BLOCK_LEN_BYTES: u64 = 1 << 20;

/// Returns how many threads a log of so many bytes is worth, at most one a core.
pub(super) fn cores(len_bytes: u64) -> NonZero<usize> {
    let cores = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let worth = usize::try_from(len_bytes / MIN_LEN_BYTES).unwrap_or(usize::MAX);
    NonZero::new(worth).map_or(NonZero::<usize>::MIN, |worth| worth.min(cores))
}

/// Returns the inbox of several replays of one owner and policy, finished by so many threads; `None` if one panicked.
fn finish(replays: Vec<Replay>, cores: NonZero<usize>) -> Option<Inbox> {
    let parts = Replay::share_out(replays, cores).ok()?;
    let finished: Vec<Inbox> = thread::scope(|scope| {
        let started: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| part.finish())).collect();
        started.into_iter().map(|part| part.join().ok()).collect::<Option<_>>()
    })?;
    let mut finished = finished.into_iter();
    let mut inbox = finished.next()?;
    for other in finished {
        inbox.absorb(other).ok()?;
    }
    Some(inbox)
}

/// Whole lines of a text log.
struct Block {
    lines: Vec<u8>,
    /// How many lines stand before it.
    before: u64,
}

/// What a thread made of its blocks: what it read of each, and the first fault, each with the lines before the block.
struct BlocksRead {
    replay: Replay,
    tallies: Vec<(u64, Tally)>,
    fault: Option<(u64, ReadError)>,
}

/// A text log to be folded, whose header is read already.
pub(super) struct Text<'a, R> {
    pub(super) input: R,
    /// The header's line.
    pub(super) header: &'a [u8],
    /// How many lines were read of it.
    pub(super) before: u64,
    /// Whose inbox is folded.
    pub(super) owner: &'a UserId,
    pub(super) policy: Policy,
    pub(super) choice: &'a Choice,
}

impl<R: BufRead> Text<'_, R> {
    /// Folds the log by blocks of lines. `tick` is called after each block that was read.
    ///
    /// Returns `None` if a thread panicked.
    ///
    /// # Errors
    ///
    /// The first fault of the log, the same that a single thread would find first.
    pub(super) fn fold(
        mut self,
        cores: NonZero<usize>,
        mut tick: impl FnMut(),
    ) -> Option<Result<(Inbox, Tally), ReadError>> {
        let (send, receive) = sync_channel::<Block>(cores.get());
        let (receive, failed) = (Arc::new(Mutex::new(receive)), AtomicBool::new(false));
        let (header, owner, policy, choice) = (self.header, self.owner, self.policy, self.choice);
        let work = |blocks: Arc<Mutex<Receiver<Block>>>| {
            fold_blocks(&blocks, &failed, header, Replay::new(owner.clone(), policy), choice)
        };
        let (ended, parts) = thread::scope(|scope| {
            let blocks = std::iter::repeat_n(receive, cores.get());
            let threads: Vec<_> = blocks.map(|blocks| scope.spawn(move || work(blocks))).collect();
            let mut ended = Ok(());
            while !failed.load(Ordering::Relaxed) {
                let sent = match self.block() {
                    Ok(block) => block.map(|block| send.send(block)),
                    Err(error) => {
                        ended = Err(error);
                        break;
                    }
                };
                // The log has ended, or nobody takes blocks any more because all threads panicked.
                if !matches!(sent, Some(Ok(()))) {
                    break;
                }
                tick();
            }
            drop(send);
            let parts = threads.into_iter().map(|part| part.join().ok()).collect::<Option<Vec<BlocksRead>>>();
            (ended, parts)
        });
        let mut parts = parts?;
        // Blocks are taken in order: whatever stands before a faulty one was taken before it and read to its end.
        let faults = parts.iter_mut().filter_map(|part| part.fault.take());
        if let Some((_, fault)) = faults.min_by_key(|(before, _)| *before) {
            return Some(Err(fault));
        }
        if let Err(error) = ended {
            return Some(Err(error));
        }
        let (mut replays, mut tallies) = (Vec::new(), Vec::new());
        for part in parts {
            replays.push(part.replay);
            tallies.extend(part.tallies);
        }
        tallies.sort_unstable_by_key(|(before, _)| *before);
        let mut sum = Tally::default();
        tallies.iter().for_each(|(_, tally)| sum.add(tally));
        Some(Ok((finish(replays, cores)?, sum)))
    }

    /// Reads the next block; `None` at the end.
    fn block(&mut self) -> Result<Option<Block>, ReadError> {
        let (mut lines, before) = (Vec::new(), self.before);
        let failed =
            |source: io::Error, lines: &[u8]| ReadError::Io { line: before + 1 + ends(lines), source };
        let read = self.input.by_ref().take(BLOCK_LEN_BYTES).read_to_end(&mut lines);
        read.map_err(|error| failed(error, &lines))?;
        if lines.is_empty() {
            return Ok(None);
        }
        if !lines.ends_with(b"\n") {
            // Of a line that is too long, as much as tells that it is.
            let limit = u64::try_from(DEFAULT_LINE_LIMIT_BYTES).unwrap_or(u64::MAX).saturating_add(2);
            let read = self.input.by_ref().take(limit).read_until(b'\n', &mut lines);
            if read.map_err(|error| failed(error, &lines))? as u64 == limit && !lines.ends_with(b"\n") {
                self.input.skip_until(b'\n').map_err(|error| failed(error, &lines))?;
                lines.push(b'\n');
            }
        }
        self.before += ends(&lines) + u64::from(!lines.ends_with(b"\n"));
        Ok(Some(Block { lines, before }))
    }
}

/// Returns how many lines end in these bytes.
fn ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Folds blocks as they come, until there are no more or a thread found a fault.
fn fold_blocks(
    blocks: &Mutex<Receiver<Block>>,
    failed: &AtomicBool,
    header: &[u8],
    mut replay: Replay,
    choice: &Choice,
) -> BlocksRead {
    let (mut tallies, mut fault) = (Vec::new(), None);
    loop {
        let (next, is_spent) = {
            let blocks = blocks.lock().unwrap_or_else(PoisonError::into_inner);
            // Looked at before another can take a block: what failed by now stands before this one.
            (blocks.recv(), failed.load(Ordering::Acquire))
        };
        let Ok(Block { lines, before }) = next else { break };
        // All are taken nevertheless, or whoever reads them would wait for ever.
        if is_spent {
            continue;
        }
        let mut tally = Tally::default();
        match fold_block(header, &lines, &mut replay, choice, &mut tally) {
            Ok(()) => tallies.push((before, tally)),
            Err(error) => {
                // The header that is read before each block counts as its first line.
                fault = Some((before, behind(error, before.saturating_sub(1))));
                failed.store(true, Ordering::Release);
            }
        }
    }
    replay.flush();
    BlocksRead { replay, tallies, fault }
}

fn fold_block(
    header: &[u8],
    lines: &[u8],
    replay: &mut Replay,
    choice: &Choice,
    tally: &mut Tally,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(header.chain(Cursor::new(lines)))?;
    while let Some(record) = reader.next_record() {
        let record = record?;
        tally.take(choice, record.line, record.event, &mut |_, event| {
            if let LoggedEvent::Known(event) = &event {
                replay.push(event);
            }
        });
    }
    Ok(())
}

/// Returns the same error so many lines further on.
fn behind(error: ReadError, lines: u64) -> ReadError {
    match error {
        ReadError::Decode(mut error) => {
            error.line += lines;
            ReadError::Decode(error)
        }
        ReadError::Io { line, source } => ReadError::Io { line: line + lines, source },
        other => other,
    }
}
