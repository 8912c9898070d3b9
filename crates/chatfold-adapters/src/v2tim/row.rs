//! What conversations say, however they are written.

use std::collections::BTreeSet;

use chatfold::event::{
    Fact, GroupType, Mark, ReceiveOption, ReportedMention, ReportedMentions, Through, Watermark,
};
use chatfold::foreign::EventKey;
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, FolderId, Timestamp};

use super::say::{Looks, Session};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Report;
use crate::taken::{WholeList, WholeListOf};

/// What stands before a folder's name in the text that its id is derived from.
pub(super) const PREFIX: &str = "group ";

/// A conversation as a client has it. `None`: nothing is said of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) conversation: ConversationId,
    pub(super) looks: RowLooks,
    pub(super) group_type: Option<GroupType>,
    pub(super) unread: u64,
    pub(super) last: Option<Last>,
    pub(super) read: Read,
    pub(super) mentions: Option<Vec<ReportedMention>>,
    pub(super) is_pinned: bool,
    pub(super) option: Option<ReceiveOption>,
    pub(super) draft: Option<Draft>,
    pub(super) custom_data: Option<Vec<u8>>,
    pub(super) marks: Option<Vec<Mark>>,
    pub(super) folders: Option<Vec<String>>,
}

/// What a group or a peer is called.
#[derive(Debug)]
pub(super) enum RowLooks {
    Peer(Looks),
    Group { name: Option<String>, face_url: Option<String> },
}

/// Where the last message stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) second: Timestamp,
    pub(super) seq: u64,
}

/// The owner's read marker.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    /// Up to there.
    Through(Watermark),
    /// Nobody says; where nothing is unread it is all.
    Unsaid,
}

/// A draft, or that there is none.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) text: Option<String>,
    /// When it was written, if that is said.
    pub(super) second: Option<Timestamp>,
}

impl Session<'_> {
    /// Takes a conversation with everything that it says, and the report that it makes.
    pub(super) fn row(&mut self, at: &At<'_, '_>, row: Row, is_new: bool) -> Result<(), Fault> {
        let conversation = row.conversation.clone();
        match &row.looks {
            RowLooks::Peer(looks) => {
                if let Some(peer) = conversation.peer() {
                    self.looks(at, &peer, looks)?;
                }
            }
            RowLooks::Group { name, face_url } => {
                let profile = (name.as_deref(), face_url.as_deref());
                self.maker.group_profile(at, &conversation, profile, None)?;
                if let Some(group_type) = row.group_type {
                    self.maker.group_type(at, &conversation, group_type)?;
                }
            }
        }
        if is_new && row.last.is_none() {
            let key =
                EventKey::Other { type_name: "conversation_opened", parts: &[], at: self.maker.received_at };
            self.maker.observe(at, &conversation, &key, Fact::Opened { group_type: None })?;
        }
        self.report(at, &row)?;
        self.maker.observe_pin(at, &conversation, row.is_pinned)?;
        if let Some(option) = row.option {
            self.maker.observe_option(at, &conversation, option, None)?;
        }
        if let Some(data) = row.custom_data {
            let key = EventKey::CustomData { data: &data, at: self.maker.received_at };
            self.maker.observe(at, &conversation, &key, Fact::CustomDataSet { data: data.clone() })?;
        }
        if let Some(draft) = row.draft {
            let text = draft.text.as_deref().filter(|text| !text.is_empty());
            self.maker.draft(at, &conversation, text, draft.second)?;
        }
        if let Some(marks) = row.marks {
            for mark in &marks {
                self.maker.observe_mark(at, &conversation, *mark, true)?;
            }
            self.whole(WholeListOf::MarksOf { conversation: conversation.clone(), marks });
        }
        match row.folders {
            Some(names) => self.folders(at, &conversation, &names),
            None => Ok(()),
        }
    }

    fn whole(&mut self, of: WholeListOf) {
        self.maker.taken.whole.push(WholeList { at: self.maker.received_at, of });
    }

    /// Tells how many are unread up to the last message.
    fn report(&mut self, at: &At<'_, '_>, row: &Row) -> Result<(), Fault> {
        let Some(last) = row.last else { return self.read_without_last(at, row) };
        let through = match row.conversation.kind() {
            // Messages stand at whole seconds here, and the last one is known.
            ConversationKind::Direct => Watermark::Time(last.second),
            ConversationKind::Group if last.seq == 0 => {
                return self.read_without_last(at, row);
            }
            ConversationKind::Group => Watermark::Seq(last.seq),
        };
        let mut mentions = row.mentions.clone().unwrap_or_default();
        mentions.retain(|mention| Watermark::Seq(mention.seq) <= through && mention.seq > 0);
        mentions.sort_unstable();
        mentions.dedup_by_key(|mention| mention.seq);
        let read = match row.read {
            Read::Through(read) => Some(Through::Watermark(read)),
            Read::Unsaid => {
                Some(Through::Watermark(through)).filter(|_| row.unread == 0 && mentions.is_empty())
            }
        };
        let mentions = row.mentions.as_ref().map(|_| ReportedMentions::At(mentions));
        let (unread, active_at) = (row.unread, Some(last.second));
        let report = Report { through, unread, read, at_least: false, mentions, active_at };
        self.maker.report(at, &row.conversation, report)
    }

    /// Tells how far the owner has read where no last message says up to where the unread number counts, as one that is being sent does not.
    fn read_without_last(&mut self, at: &At<'_, '_>, row: &Row) -> Result<(), Fault> {
        if row.unread > 0 {
            self.maker.left_out("unread number without the number of the last message");
        }
        match row.read {
            Read::Through(Watermark::Seq(0)) | Read::Unsaid => Ok(()),
            Read::Through(Watermark::Time(time)) if time.as_secs() == 0 => Ok(()),
            Read::Through(read) => self.maker.observe_read(at, &row.conversation, Through::Watermark(read)),
        }
    }

    /// Tells which folders hold a conversation, and that no others do.
    fn folders(
        &mut self,
        at: &At<'_, '_>,
        conversation: &ConversationId,
        names: &[String],
    ) -> Result<(), Fault> {
        let mut folders = BTreeSet::new();
        for name in names {
            let folder = self.folder(at, name)?;
            self.maker.observe_folder_member(at, conversation, folder, true)?;
            folders.insert(folder);
        }
        let conversation = conversation.clone();
        self.whole(WholeListOf::FoldersOf { conversation, folders, prefix: PREFIX });
        Ok(())
    }

    /// Tells that a folder holds these and no others.
    pub(super) fn whole_folder(&mut self, folder: FolderId, conversations: BTreeSet<ConversationId>) {
        self.whole(WholeListOf::Folder { folder, conversations });
    }

    /// Tells that a folder of this name is there.
    pub(super) fn folder(&mut self, at: &At<'_, '_>, name: &str) -> Result<FolderId, Fault> {
        let folder = self.maker.folder(at, &format!("{PREFIX}{name}"))?;
        self.maker.observe_folder(folder, name);
        Ok(folder)
    }

    /// Tells that a folder of this name is no more.
    pub(super) fn no_folder(&mut self, at: &At<'_, '_>, name: &str) -> Result<(), Fault> {
        let folder = self.maker.folder(at, &format!("{PREFIX}{name}"))?;
        self.maker.observe_no_folder(folder);
        Ok(())
    }
}
