//! R55: what each row gives to a badge, rule by rule.

use chatfold::event::ReceiveOption;
use chatfold::list::BadgeRule;

use super::Row;

/// Every rule; the first is the default.
pub fn rules() -> [BadgeRule; 16] {
    std::array::from_fn(rule)
}

fn rule(bits: usize) -> BadgeRule {
    BadgeRule::default()
        .with_chats(bits & 1 != 0)
        .with_archived(bits & 2 != 0)
        .with_hidden(bits & 4 != 0)
        .without_muted_mentions(bits & 8 != 0)
}

/// R48: whether a listed row may give more.
pub fn is_lower_bound(row: &Row, rule: BadgeRule) -> bool {
    let marked = |mark: u64| row.marks.contains(&mark);
    if row.archived && !rule.with_archived || marked(8) && !rule.with_hidden {
        return false;
    }
    let bounded = match row.receive_option {
        ReceiveOption::Receive => row.unread_is_lower_bound,
        ReceiveOption::NotNotifyExceptAt | ReceiveOption::NotReceiveExceptAt => {
            row.mention_is_lower_bound && !rule.without_muted_mentions
        }
        _ => false,
    };
    // A chat gives one at most.
    bounded && !(rule.chats && of(row, rule) > 0)
}

/// What a listed row gives.
pub fn of(row: &Row, rule: BadgeRule) -> u64 {
    let marked = |mark: u64| row.marks.contains(&mark);
    if row.archived && !rule.with_archived || marked(8) && !rule.with_hidden {
        return 0;
    }
    let mentions = row.mention_count;
    let gives = match row.receive_option {
        ReceiveOption::Receive => row.unread_count,
        ReceiveOption::NotNotifyExceptAt | ReceiveOption::NotReceiveExceptAt => {
            if rule.without_muted_mentions { 0 } else { mentions }
        }
        ReceiveOption::NotReceive | ReceiveOption::ReceiveNotNotify => return 0,
        other => panic!("the model does not know {other:?}"),
    };
    let gives = if gives == 0 { u64::from(marked(2)) } else { gives };
    if rule.chats { gives.min(1) } else { gives }
}
