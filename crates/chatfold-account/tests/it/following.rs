//! One change set an answer: what follows an account's answers by change sets shows what the inbox shows, whoever else
//! writes and whatever failed in between.

use chatfold::live::{ListDiff, ListView, LiveInbox, Notice, UnreadSubscriptions, Window};
use chatfold::store::MemoryStore;
use chatfold::testing::Random;
use chatfold::{ConversationId, Filter, Inbox};
use chatfold_account::{Account, AccountError, Changes};

use crate::receiving::said;
use crate::support::{alice, command, context, open, options};

/// What follows an account: lists of rows, totals by filter, a live inbox.
pub(crate) struct Followers {
    views: Vec<(ListView, Vec<ConversationId>)>,
    unread: UnreadSubscriptions,
    live: LiveInbox,
    filters: [Filter; 2],
    pub(crate) resets: u32,
    pub(crate) steps: u32,
}

impl Followers {
    pub(crate) fn new(inbox: &Inbox) -> Self {
        let filters = [Filter::default(), Filter::default().with_has_unread(true)];
        let view = |filter, window| {
            let view = ListView::new(inbox, filter, window);
            let rows = view.ids().cloned().collect();
            (view, rows)
        };
        let views = vec![
            view(filters[0], Window::Whole),
            view(filters[1], Window::Whole),
            view(filters[0], Window::First(3)),
        ];
        let mut unread = UnreadSubscriptions::new(inbox);
        let mut live = LiveInbox::new(inbox.clone());
        for filter in filters {
            unread.subscribe(filter);
            live.subscribe(filter);
        }
        Self { views, unread, live, filters, resets: 0, steps: 0 }
    }

    /// Follows an answer, and compares with what is read anew.
    pub(crate) fn follow(&mut self, inbox: &Inbox, changes: &Changes) {
        for (view, rows) in &mut self.views {
            for diff in view.follow(inbox, &changes.set) {
                let is_reset = matches!(diff, ListDiff::Reset { .. });
                assert!(!is_reset || changes.reset, "a reset where nothing was loaded anew: {changes:?}");
                (self.resets, self.steps) = (self.resets + u32::from(is_reset), self.steps + 1);
                diff.apply_to(rows, Clone::clone);
            }
            let fresh = ListView::new(inbox, *view.filter(), view.window().clone());
            assert_eq!(*rows, fresh.ids().cloned().collect::<Vec<_>>());
            assert!(view.ids().eq(fresh.ids()));
        }
        self.unread.follow(inbox, &changes.set);
        let notices = self.live.follow(inbox, &changes.set);
        assert!(changes.reset || !notices.contains(&Notice::Reset));
        for filter in &self.filters {
            let mut fresh = UnreadSubscriptions::new(inbox);
            let totals = fresh.subscribe(*filter);
            assert_eq!(self.unread.totals(filter), Some(totals));
            assert_eq!(self.live.subscriptions().totals(filter), Some(totals));
        }
        assert_eq!(self.live.inbox().digest(), inbox.digest());
    }
}

/// Two accounts of one inbox give commands, receive and follow in any order; each has its followers.
#[test]
fn a_view_follows_each_answer_of_each_writer() {
    let (mut steps, mut of_both) = (0, 0);
    for seed in 0..40 {
        let store = MemoryStore::new();
        let mut random = Random::new(seed);
        let mut accounts = [open(&store), open(&store)];
        let mut followers = [0, 1].map(|writer: usize| Followers::new(accounts[writer].inbox()));
        let mut silent = [0, 0];
        for n in 0..60 {
            let writer = random.below(2) as usize;
            let account = &mut accounts[writer];
            let known = account.prefix().events;
            let changes = match random.below(8) {
                0 => account.follow().unwrap(),
                1 => account.receive([&said(random.below(20)), &said(random.below(20))]).unwrap(),
                2 => {
                    // Refused on the newest state, with what came before that to be told by the next answer.
                    let nobody = chatfold::Command::RenameFolder {
                        folder: chatfold::FolderId::from_bytes([7; 16]),
                        name: "none".into(),
                    };
                    let refused = account.execute(nobody, context(7, n));
                    assert!(matches!(refused, Err(AccountError::Rejected(_))), "{refused:?}");
                    silent[writer] += account.prefix().events - known;
                    continue;
                }
                _ => {
                    let by = writer as u64;
                    account.execute(command(by + 10 * seed, n), context(by + 10 * seed, n)).unwrap().changes
                }
            };
            let events = account.prefix().events - known + std::mem::take(&mut silent[writer]);
            assert_eq!(changes.events, events, "each event is told of once");
            of_both += u32::from(events > 1);
            followers[writer].follow(account.inbox(), &changes);
        }
        steps += followers.iter().map(|followers| followers.steps).sum::<u32>();
        assert_eq!(followers.map(|followers| followers.resets), [0, 0]);
    }
    assert!(steps > 1_000 && of_both > 200, "{steps} {of_both}");
}

/// What an answer tells is what one batch of the same events tells.
#[test]
fn an_answer_tells_what_one_batch_tells() {
    for seed in 0..30 {
        let store = MemoryStore::new();
        let (mut one, mut other) = (open(&store), open(&store));
        for n in 0..12 {
            for m in 0..n % 5 {
                one.execute(command(seed, 10 * n + m), context(seed, 10 * n + m)).unwrap();
            }
            let mut before = other.inbox().clone();
            let known = other.prefix().events;
            let executed = other.execute(command(seed + 100, n), context(seed + 100, n)).unwrap();
            let events = crate::support::known(&other.events(known, usize::MAX).unwrap());
            assert_eq!(executed.changes.set, before.apply_batch(&events), "seed {seed}, {n}");
            one.follow().unwrap();
        }
    }
}

#[test]
fn an_inbox_that_is_loaded_anew_is_read_anew() {
    let store = MemoryStore::new();
    let (mut phone, mut laptop) = (open(&store), open(&store));
    let mut followers = Followers::new(laptop.inbox());
    for n in 0..30 {
        phone.execute(command(3, n), context(3, n)).unwrap();
        let changes = laptop.follow().unwrap();
        followers.follow(laptop.inbox(), &changes);
    }
    let mut redaction = chatfold::redact::Redaction::default();
    redaction.choose_author(alice());
    phone.redact(redaction).unwrap();
    let changes = laptop.follow().unwrap();
    assert!(changes.reset);
    followers.follow(laptop.inbox(), &changes);
    let changes = laptop.heal().unwrap();
    followers.follow(laptop.inbox(), &changes);
    let changes = phone.execute(command(3, 99), context(3, 99)).unwrap().changes;
    let mut of_phone = Followers::new(phone.inbox());
    assert!(!changes.reset);
    let changes = phone.execute(command(3, 102), context(3, 102)).unwrap().changes;
    of_phone.follow(phone.inbox(), &changes);
    phone.erase().unwrap();
    let changes = laptop.follow().unwrap();
    followers.follow(laptop.inbox(), &changes);
    assert_eq!(laptop.inbox().conversations().count(), 0);
    assert!(followers.resets > 0);
    drop(Account::open(store, alice(), options()));
}
