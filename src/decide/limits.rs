//! Limits: every bound that `decide` enforces, and nothing else reads.

/// The bounds of commands (R66, R70–R80), each with the reference's default.
///
/// Only [`decide`](crate::decide()) reads them, never the fold: a limit lowered tomorrow changes what may be
/// done from then on, not what history means.
///
/// ```
/// use chatfold::Limits;
/// let limits = Limits { pinned_conversations: 3, ..Limits::default() };
/// assert_eq!((limits.pinned_conversations, limits.folders), (3, 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Conversations pinned at a time (R70).
    pub pinned_conversations: usize,
    /// Live folders (R71).
    pub folders: usize,
    /// Conversations in a folder; adding more takes out those added first (R71).
    pub folder_members: usize,
    /// Bytes of a folder's name, which has at least one (R71).
    pub folder_name_bytes: usize,
    /// Conversations in a request for marks, custom data, receive options, folders or deletion (R72).
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
