//! Limits: every bound that `decide` enforces, and nothing else reads.

use crate::model::setters::setters;

/// The bounds of commands (R66, R70–R80), each with the reference's default.
///
/// Only [`decide`](crate::decide()) reads them, never the fold: a limit lowered tomorrow changes what may be
/// done from then on, not what history means.
///
/// ```
/// use chatfold::command::Limits;
/// let limits = Limits::default().with_pinned_conversations(3);
/// assert_eq!((limits.pinned_conversations, limits.folders), (3, 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// Conversations pinned at a time (R70).
    pub pinned_conversations: usize,
    /// Live folders (R71).
    pub folders: usize,
    /// Conversations in a folder; adding more takes out those added first (R71).
    pub folder_members: usize,
    /// Bytes of a folder's name, which has at least one (R71).
    pub folder_name_bytes: usize,
    /// Conversations in a request for marks, custom data, receive options, folders, archiving or deletion (R72).
    pub request_conversations: usize,
    /// Bytes of custom data (R73).
    pub custom_data_bytes: usize,
    /// For how many seconds a sender may recall a message (R74).
    pub recall_s: u64,
    /// Whether anyone in the conversation may edit a message, as in the reference (R75).
    pub anyone_modifies: bool,
    /// How many seconds a message may be ahead of the actor's clock. One that is further ahead is an outlier: no command
    /// reads, clears or deletes up to it, it is named instead (R66).
    pub clock_tolerance_s: u64,
    /// Messages deleted in a request (R76).
    pub deleted_messages: usize,
    /// Users that a message mentions by name (R77).
    pub mentions: usize,
    /// Users that a targeted message is for (R77).
    pub recipients: usize,
    /// Messages forwarded in a request (R78).
    pub forwarded_messages: usize,
    /// Bytes of an extension's key, which has at least one (R79).
    pub extension_key_bytes: usize,
    /// Bytes of an extension's value (R79).
    pub extension_value_bytes: usize,
    /// Extensions written in a request (R79).
    pub extension_writes: usize,
    /// Extensions of a message (R79).
    pub extensions: usize,
    /// Kinds of reactions on a message (R80).
    pub reaction_kinds: usize,
    /// Users who give a message one reaction (R80).
    pub reaction_users: usize,
    /// Messages pinned in a group (R80).
    pub pinned_messages: usize,
}

setters!(Limits {
    /// Returns the same with [`pinned_conversations`](Limits::pinned_conversations) as given.
    with_pinned_conversations: pinned_conversations: usize,
    /// Returns the same with [`folders`](Limits::folders) as given.
    with_folders: folders: usize,
    /// Returns the same with [`folder_members`](Limits::folder_members) as given.
    with_folder_members: folder_members: usize,
    /// Returns the same with [`folder_name_bytes`](Limits::folder_name_bytes) as given.
    with_folder_name_bytes: folder_name_bytes: usize,
    /// Returns the same with [`request_conversations`](Limits::request_conversations) as given.
    with_request_conversations: request_conversations: usize,
    /// Returns the same with [`custom_data_bytes`](Limits::custom_data_bytes) as given.
    with_custom_data_bytes: custom_data_bytes: usize,
    /// Returns the same with [`recall_s`](Limits::recall_s) as given.
    with_recall_s: recall_s: u64,
    /// Returns the same with [`anyone_modifies`](Limits::anyone_modifies) as given.
    with_anyone_modifies: anyone_modifies: bool,
    /// Returns the same with [`clock_tolerance_s`](Limits::clock_tolerance_s) as given.
    with_clock_tolerance_s: clock_tolerance_s: u64,
    /// Returns the same with [`deleted_messages`](Limits::deleted_messages) as given.
    with_deleted_messages: deleted_messages: usize,
    /// Returns the same with [`mentions`](Limits::mentions) as given.
    with_mentions: mentions: usize,
    /// Returns the same with [`recipients`](Limits::recipients) as given.
    with_recipients: recipients: usize,
    /// Returns the same with [`forwarded_messages`](Limits::forwarded_messages) as given.
    with_forwarded_messages: forwarded_messages: usize,
    /// Returns the same with [`extension_key_bytes`](Limits::extension_key_bytes) as given.
    with_extension_key_bytes: extension_key_bytes: usize,
    /// Returns the same with [`extension_value_bytes`](Limits::extension_value_bytes) as given.
    with_extension_value_bytes: extension_value_bytes: usize,
    /// Returns the same with [`extension_writes`](Limits::extension_writes) as given.
    with_extension_writes: extension_writes: usize,
    /// Returns the same with [`extensions`](Limits::extensions) as given.
    with_extensions: extensions: usize,
    /// Returns the same with [`reaction_kinds`](Limits::reaction_kinds) as given.
    with_reaction_kinds: reaction_kinds: usize,
    /// Returns the same with [`reaction_users`](Limits::reaction_users) as given.
    with_reaction_users: reaction_users: usize,
    /// Returns the same with [`pinned_messages`](Limits::pinned_messages) as given.
    with_pinned_messages: pinned_messages: usize,
});

impl Default for Limits {
    fn default() -> Self {
        Self {
            pinned_conversations: 50,
            folders: 20,
            folder_members: 1_000,
            folder_name_bytes: 32,
            request_conversations: 100,
            custom_data_bytes: 256,
            recall_s: 120,
            anyone_modifies: false,
            clock_tolerance_s: 120,
            deleted_messages: 50,
            mentions: 30,
            recipients: 50,
            forwarded_messages: 300,
            extension_key_bytes: 100,
            extension_value_bytes: 1_024,
            extension_writes: 20,
            extensions: 300,
            reaction_kinds: 10,
            reaction_users: 100,
            pinned_messages: 10,
        }
    }
}
