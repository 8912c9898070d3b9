//! Worlds whose whole history is known: what a server knew, what it reported, and what a log holds of it. The
//! assumptions of R46's law hold in each: the report is true, everything beyond it is held, a message that is held
//! comes with what removed it, clearings are held, and so is everything later than the report.

use crate::histories::Rng;
use crate::model::bounds::{Held, Named, Report, Said};

/// A message of the world, at a place of its own.
#[derive(Clone, Debug)]
pub struct Message {
    pub first: i64,
    pub counts: bool,
    pub mentions: bool,
    pub removed: Option<u32>,
    /// Writings of its being read by name.
    pub named: Vec<(u32, bool)>,
    /// Edits of its mentions.
    pub edits: Vec<(u32, bool)>,
    pub held: bool,
    /// Whether the log has what removed it, early as it was, though it does not hold the message.
    pub rumour: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Reach {
    To(i64),
    /// A message, by its index.
    Message(usize),
}

#[derive(Clone, Debug)]
pub struct World {
    pub group: bool,
    pub messages: Vec<Message>,
    pub reads: Vec<(u32, Reach)>,
    pub marks: Vec<(u32, usize)>,
    pub clearings: Vec<(u32, i64)>,
    /// Whether facts that the report sums up are held.
    pub old: Vec<bool>,
    pub report: Option<ServerReport>,
    pub complete: Vec<(i64, i64)>,
}

/// The report of both numbers.
#[derive(Clone, Debug)]
pub struct ServerReport {
    pub through: i64,
    pub stamp: u32,
    pub read: Option<Reach>,
    pub unread: i128,
    pub mentions: Said,
    pub at_least: bool,
}

/// Which number is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Unread,
    Mentions,
}

const STAMPS: usize = 14;

fn last(writings: &[(u32, bool)], before: u32) -> Option<(u32, bool)> {
    writings.iter().filter(|(at, _)| *at < before).max().copied()
}

impl Message {
    fn counts(&self, number: Number, before: u32) -> bool {
        let counts = match number {
            Number::Unread => self.counts,
            Number::Mentions => match last(&self.edits, before) {
                Some((_, off)) => !off && self.counts,
                None => self.mentions && self.counts,
            },
        };
        counts
            && self.removed.is_none_or(|at| at >= before)
            && last(&self.named, before).is_none_or(|(_, on)| !on)
    }
}

impl World {
    pub fn new(rng: &mut Rng) -> Self {
        let group = rng.percent(60);
        let mut stamps: Vec<u32> = (1..=STAMPS as u32).collect();
        rng.shuffle(&mut stamps);
        let mut stamp = {
            let mut rest = stamps.into_iter();
            move || rest.next().unwrap_or(99)
        };
        let places = 3 + rng.below(6) as i64;
        let mut messages = Vec::new();
        for first in 1..=places {
            if rng.percent(80) {
                messages.push(Message {
                    first,
                    counts: rng.percent(75),
                    mentions: rng.percent(60),
                    removed: None,
                    named: Vec::new(),
                    edits: Vec::new(),
                    held: false,
                    rumour: rng.percent(50),
                });
            }
        }
        let s = stamp();
        let through = 1 + rng.below(places as usize) as i64;
        let mut world = Self {
            group,
            messages,
            reads: Vec::new(),
            marks: Vec::new(),
            clearings: Vec::new(),
            old: (0..=STAMPS + 99).map(|_| rng.percent(50)).collect(),
            report: None,
            complete: Vec::new(),
        };
        if !world.messages.is_empty() {
            world.draw_facts(rng, &mut stamp, (places, through, s));
        }
        world.draw_report(rng, through, s);
        for message in &mut world.messages {
            message.held = message.first > through || rng.percent(45);
        }
        world.draw_complete(rng, places);
        world
    }

    fn draw_facts(
        &mut self,
        rng: &mut Rng,
        stamp: &mut impl FnMut() -> u32,
        (places, t, s): (i64, i64, u32),
    ) {
        for _ in 0..rng.below(8) {
            let at = stamp();
            // What is older than the report concerns nothing beyond it.
            let reach = if at < s { t } else { places };
            let within = self.messages.iter().filter(|m| m.first <= reach).count();
            let which = rng.below(10);
            if which == 0 {
                let through = rng.below(reach as usize + 1) as i64;
                self.clearings.push((at, through));
            }
            if within == 0 {
                continue;
            }
            let target = rng.below(within);
            match which {
                1 | 2 if rng.percent(50) => self.reads.push((at, Reach::Message(target))),
                1 | 2 => self.reads.push((at, Reach::To(rng.below(reach as usize + 1) as i64))),
                3 | 4 => self.marks.push((at, target)),
                5..8 => {
                    let removed = &mut self.messages[target].removed;
                    *removed = Some(removed.map_or(at, |old| old.min(at)));
                }
                8 => self.messages[target].named.push((at, rng.percent(60))),
                9 => self.messages[target].edits.push((at, rng.percent(50))),
                _ => {}
            }
        }
    }

    fn first(&self, reach: Reach) -> i64 {
        match reach {
            Reach::To(first) => first,
            Reach::Message(index) => self.messages[index].first,
        }
    }

    /// R42 of the whole world, over what was written before an instant.
    fn marker(&self, before: u32) -> i64 {
        let reads = |after: u32| {
            let counted = self.reads.iter().filter(move |(at, _)| *at < before && *at > after);
            counted.map(|(_, reach)| self.first(*reach)).max().unwrap_or(-1)
        };
        let marks = self.marks.iter().filter(|(at, _)| *at < before);
        let back = marks.map(|(at, target)| reads(*at).max(self.messages[*target].first - 1));
        back.chain([reads(0)]).min().unwrap_or(-1)
    }

    fn covered(&self, before: u32) -> i64 {
        let clearings = self.clearings.iter().filter(|(at, _)| *at < before);
        clearings.map(|(_, through)| *through).max().unwrap_or(-1)
    }

    fn counted(&self, number: Number, before: u32, read: i64) -> impl Iterator<Item = &Message> {
        let floor = read.max(self.covered(before));
        self.messages.iter().filter(move |m| m.first > floor && m.counts(number, before))
    }

    fn draw_report(&mut self, rng: &mut Rng, through: i64, s: u32) {
        let read = self.marker(s).max(0);
        let up_to = |m: &&Message| m.first <= through;
        let unread = self.counted(Number::Unread, s, read).filter(up_to).count();
        let places: Vec<_> = self.counted(Number::Mentions, s, read).filter(up_to).map(|m| m.first).collect();
        let at_least = rng.percent(20);
        let less = |rng: &mut Rng, n: usize| if at_least { rng.below(n + 1) } else { n };
        let unread = less(rng, unread) as i128;
        let mentions = if rng.percent(50) {
            let kept = less(rng, places.len());
            let mut places = places;
            rng.shuffle(&mut places);
            places.truncate(kept);
            places.sort_unstable();
            Said::Places(places)
        } else {
            Said::Count(less(rng, places.len()) as i128)
        };
        let message = self.messages.iter().position(|m| m.first == read);
        let read = match (rng.below(4), message) {
            (0, _) => None,
            (1, Some(message)) => Some(Reach::Message(message)),
            _ => Some(Reach::To(read)),
        };
        self.report = Some(ServerReport { through, stamp: s, read, unread, mentions, at_least });
    }

    /// Whether the report says where it counts from.
    pub fn read_known(&self) -> bool {
        match self.report.as_ref().and_then(|report| report.read) {
            Some(Reach::Message(index)) => self.messages[index].held,
            read => read.is_some(),
        }
    }

    fn draw_complete(&mut self, rng: &mut Rng, places: i64) {
        for _ in 0..rng.below(3) {
            let from = rng.below(places as usize + 1) as i64;
            let to = from + rng.below(places as usize + 2 - from as usize) as i64;
            if self.is_whole(from, to) {
                self.complete.push((from, to));
            }
        }
    }

    /// Adds a message to what is held, or a stretch that is complete; false once all is held and said to be.
    pub fn fill_up(&mut self, rng: &mut Rng) -> bool {
        let missing: Vec<_> = (0..self.messages.len()).filter(|at| !self.messages[*at].held).collect();
        if missing.is_empty() || rng.percent(20) {
            let from = rng.below(self.through() as usize + 1) as i64;
            if missing.is_empty() && self.complete.contains(&(0, self.through())) {
                return false;
            }
            let stretch = if missing.is_empty() { (0, self.through()) } else { (from, self.through()) };
            if self.is_whole(stretch.0, stretch.1) {
                self.complete.push(stretch);
            }
        } else {
            self.messages[*rng.pick(&missing)].held = true;
        }
        true
    }

    /// Whether every message of a stretch is held.
    pub fn is_whole(&self, from: i64, to: i64) -> bool {
        self.messages.iter().filter(|m| from <= m.first && m.first <= to).all(|m| m.held)
    }

    /// The number of the whole history.
    pub fn truth(&self, number: Number) -> i128 {
        let all = u32::MAX;
        self.counted(number, all, self.marker(all)).count() as i128
    }

    /// Up to where the report reaches.
    pub fn through(&self) -> i64 {
        self.report.as_ref().map_or(0, |report| report.through)
    }

    /// What the log holds.
    pub fn held(&self, number: Number) -> Held<u32> {
        let report = self.report.as_ref();
        let s = report.map_or(0, |report| report.stamp);
        let here = |at: u32| at > s || self.old[at as usize];
        let mut held = Held {
            group: self.group,
            named: self.messages.iter().filter_map(|m| self.named(m, number, s)).collect(),
            reads: Vec::new(),
            waiting_reads: Vec::new(),
            marks: Vec::new(),
            waiting_marks: Vec::new(),
            coverage: self.clearings.iter().map(|(at, through)| (*through, *at)).max(),
            report: report.map(|report| Report {
                through: report.through,
                stamp: report.stamp,
                read: report.read.filter(|_| self.read_known()).map(|read| self.first(read)),
                said: match number {
                    Number::Unread => Said::Count(report.unread),
                    Number::Mentions => report.mentions.clone(),
                },
                at_least: report.at_least,
            }),
            complete: self.complete.clone(),
        };
        for (at, reach) in self.reads.iter().filter(|(at, _)| here(*at)) {
            match reach {
                Reach::Message(index) if !self.messages[*index].held => held.waiting_reads.push(*at),
                _ => held.reads.push((*at, self.first(*reach))),
            }
        }
        for (at, index) in self.marks.iter().filter(|(at, _)| here(*at)) {
            let target = &self.messages[*index];
            if target.held {
                held.marks.push((*at, target.first));
            } else {
                held.waiting_marks.push(*at);
            }
        }
        held
    }

    fn named(&self, m: &Message, number: Number, s: u32) -> Option<Named<u32>> {
        let known = |at: &u32| m.held || *at > s || m.rumour;
        let mut switches: Vec<_> =
            last(&m.named.iter().copied().filter(|(at, _)| known(at)).collect::<Vec<_>>(), u32::MAX)
                .into_iter()
                .collect();
        let edits: Vec<_> = m.edits.iter().copied().filter(|(at, _)| known(at)).collect();
        let mut countable = m.held && m.counts;
        if number == Number::Mentions {
            let edited = last(&edits, u32::MAX);
            switches.extend(edited);
            countable &= m.mentions || edited.is_some();
        }
        let removed = m.removed.filter(known);
        let is_named = m.held || removed.is_some() || !switches.is_empty();
        is_named.then_some(Named {
            first: m.held.then_some(m.first),
            delivered: m.held,
            countable,
            removed,
            switches,
        })
    }
}
