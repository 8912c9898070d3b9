//! The reference model: what an inbox must show, computed from the *set* of events by the letter of
//! the rules. No incremental state, no caches, nothing shared with the engine but the event types; where it
//! and the engine disagree, one of them has misread a rule.

mod account;
pub mod badge;
pub mod bounds;
pub mod conversation;
pub mod message;
pub mod partial;
pub mod shown;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chatfold::event::{Body, ReceiveOption};
use chatfold::time::Stamp;
use chatfold::{ConversationId, Event, Policy, UserId};

use self::account::Account;
pub use self::account::Profile;
pub use self::conversation::Conversation;
pub use self::message::Known;
pub use self::shown::{Row, Shown};

/// Whose inbox it is, and how it folds.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    pub owner: &'a UserId,
    pub policy: Policy,
}

/// What the inbox of `owner` shows of these events.
pub fn shown(owner: &UserId, policy: Policy, events: &[Event]) -> Shown {
    let terms = Terms { owner, policy };
    let events = distinct(events);
    let account = Account::of(terms, &events);
    let mut known = conversations(terms, &events);
    // A group is known by its profile too; nothing else is.
    for group in account.groups() {
        if !known.iter().any(|conversation| conversation.id == group) {
            known.push(Conversation::of(terms, group, Vec::new()));
        }
    }
    let rows: BTreeMap<ConversationId, Row> =
        known.iter().map(|conversation| (conversation.id.clone(), conversation.row(&account))).collect();
    // R50, R33: pinned first, then activity descending, then id ascending.
    let mut list: Vec<&Row> = rows.values().filter(|row| row.listed).collect();
    list.sort_by_key(|row| (Reverse(row.pinned), Reverse(row.activity), &row.id));
    // R53
    let unread_all = list.iter().map(|row| row.unread_count).sum();
    let notifying = list.iter().filter(|row| row.receive_option == ReceiveOption::Receive);
    let unread = notifying.map(|row| row.unread_count).sum();
    let badges = badge::rules().map(|rule| list.iter().map(|row| badge::of(row, rule)).sum());
    let badge_bounds = badge::rules().map(|rule| list.iter().any(|row| badge::is_lower_bound(row, rule)));
    let mut bounded = list.iter().filter(|row| row.unread_is_lower_bound);
    let all_bounded = bounded.clone().next().is_some();
    let bounds = [bounded.any(|row| row.receive_option == ReceiveOption::Receive), all_bounded];
    let list = list.iter().map(|row| row.id.clone()).collect();
    let quiet_hours = account.quiet_hours();
    #[rustfmt::skip]
    let shown = Shown {
        list, unread, unread_all, bounds, badges, badge_bounds, folders: account.folders, quiet_hours, rows,
    };
    shown
}

/// The profile of every user that a profile names, as it is shown.
pub fn profiles(owner: &UserId, events: &[Event]) -> BTreeMap<UserId, Profile> {
    let terms = Terms { owner, policy: Policy::default() };
    Account::of(terms, &distinct(events)).profiles()
}

/// The name of every group that a profile names, if it is shown.
pub fn group_names(owner: &UserId, events: &[Event]) -> BTreeMap<ConversationId, Option<String>> {
    let terms = Terms { owner, policy: Policy::default() };
    let events = distinct(events);
    let account = Account::of(terms, &events);
    let names = account.groups().into_iter().map(|id| (id.clone(), account.group_name(id.target())));
    names.collect()
}

/// Every conversation that an event with an effect names, with those facts (R17).
pub fn conversations<'a>(terms: Terms<'a>, events: &[&'a Event]) -> Vec<Conversation<'a>> {
    let mut facts: BTreeMap<&ConversationId, Vec<_>> = BTreeMap::new();
    for event in events {
        if let Body::Conversation(id, fact) = event.body()
            && conversation::has_effect(terms.owner, id, event, fact)
        {
            facts.entry(id).or_default().push((*event, fact));
        }
    }
    facts.into_iter().map(|(id, facts)| Conversation::of(terms, id.clone(), facts)).collect()
}

/// The set of these events: an event is its whole content (R07), and applied again it changes nothing (R02).
pub fn distinct(events: &[Event]) -> Vec<&Event> {
    let mut by_stamp: BTreeMap<Stamp, Vec<&Event>> = BTreeMap::new();
    for event in events {
        let same = by_stamp.entry(event.stamp()).or_default();
        if !same.contains(&event) {
            same.push(event);
        }
    }
    by_stamp.into_values().flatten().collect()
}

/// The last writer: the greatest stamp and, where stamps are equal, the greatest value (R07).
fn latest<V: Ord>(written: impl IntoIterator<Item = (Stamp, V)>) -> Option<(Stamp, V)> {
    written.into_iter().max()
}

/// The first writer: the least stamp and, where stamps are equal, the greatest value (R07).
fn earliest<V: Ord>(written: impl IntoIterator<Item = (Stamp, V)>) -> Option<(Stamp, V)> {
    written
        .into_iter()
        .map(|(stamp, value)| (stamp, Reverse(value)))
        .min()
        .map(|(stamp, Reverse(value))| (stamp, value))
}

/// A name, remark or address: empty and blank count as absent (R21).
fn not_blank(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.chars().all(shows_nothing))
}

/// R21: White_Space, Default_Ignorable_Code_Point, and three more that look like nothing.
fn shows_nothing(c: char) -> bool {
    let white = matches!(c, '\u{9}'..='\u{d}' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
    let ignorable = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    white || ignorable || matches!(c, '\u{2800}' | '\u{3164}' | '\u{115f}'..='\u{1160}')
}
