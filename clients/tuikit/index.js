// A chat object as `TUIChatEngine.login({ chat })` takes one, over rows that `chatfold inbox --json --dialect web` wrote.

const CONVERSATIONS = "onConversationListUpdated";
const TOTAL = "onTotalUnreadMessageCountUpdated";
const READY = "sdkStateReady";

/** How messages remind, by the names of `chatfold do LOG option`. */
const OPTIONS = {
  AcceptAndNotify: "receive",
  Discard: "not_receive",
  AcceptNotNotify: "receive_not_notify",
  AcceptNotNotifyExceptAt: "not_notify_except_at",
  NotReceiveMsgExceptAt: "not_receive_except_at",
};

/** A refusal, as the client's own promises are rejected with: a code and a message. */
export class ChatError extends Error {
  constructor(message, code = 10000) {
    super(message);
    this.name = "ChatError";
    this.code = code;
  }
}

/** The id that the log has for a conversation of the client: `c2c_bob` for `C2Cbob`. */
export function logId(conversationID) {
  for (const [prefix, ours] of [["C2C", "c2c_"], ["GROUP", "group_"]]) {
    if (typeof conversationID === "string" && conversationID.startsWith(prefix)) {
      return ours + conversationID.slice(prefix.length);
    }
  }
  throw new ChatError(`no id of a conversation: ${conversationID}`);
}

/** The text of a draft, which the UI kit hands over as JSON with HTML and what the list shows. */
function draftOf(draftText) {
  try {
    const parsed = JSON.parse(draftText);
    if (typeof parsed?.abstract === "string") return parsed.abstract;
  } catch {
    // A text that is no JSON is the draft itself.
  }
  return draftText ?? "";
}

class Chat {
  #inbox;
  #command;
  #listeners = new Map();
  #ready = true;

  constructor({ inbox, onCommand }) {
    this.#command = onCommand;
    this.#take(inbox);
  }

  #take(inbox) {
    if (typeof inbox?.owner !== "string" || !Array.isArray(inbox.conversationList)) {
      throw new TypeError("expected what `chatfold inbox LOG --json --dialect web` writes: an object with owner and conversationList");
    }
    const other = inbox.conversationList.find((row) => row?.type !== "C2C" && row?.type !== "GROUP");
    if (other) throw new TypeError(`expected rows of the dialect web, found ${JSON.stringify(other).slice(0, 80)}`);
    this.#inbox = structuredClone(inbox);
  }

  /** Shows another inbox from now on, and tells whoever listens. */
  show(inbox) {
    this.#take(inbox);
    this.emit(CONVERSATIONS, this.#rows());
    this.emit(TOTAL, this.getTotalUnreadMessageCount());
  }

  // Listeners.

  on(name, handler, context) {
    const handlers = this.#listeners.get(name) ?? [];
    this.#listeners.set(name, [...handlers, { handler, context }]);
  }

  off(name, handler, context) {
    const handlers = this.#listeners.get(name) ?? [];
    this.#listeners.set(name, handlers.filter((one) => one.handler !== handler || one.context !== context));
  }

  /** Calls whoever listens to an event, as the client does. */
  emit(name, data) {
    for (const { handler, context } of this.#listeners.get(name) ?? []) handler.call(context, { name, data });
  }

  // The session.

  isReady() {
    return this.#ready;
  }

  async login() {
    this.#ready = true;
    queueMicrotask(() => this.emit(READY, {}));
    return answer({ repeatLogin: true });
  }

  async logout() {
    this.#ready = false;
    return answer({});
  }

  async destroy() {
    this.#listeners.clear();
    return answer({});
  }

  setLogLevel() {}

  registerPlugin() {}

  /** Every optional module is there; no ability that has to be paid for is. */
  callExperimentalAPI(name) {
    return name === "canIUseModule" ? true : Promise.resolve(answer({ enabled: false }));
  }

  // Reading.

  #rows() {
    return structuredClone(this.#inbox.conversationList);
  }

  /** All conversations, those with these ids, or those that fit an object of `type`, `markType`, `groupName`, `hasUnreadCount`. */
  async getConversationList(which) {
    let rows = this.#rows();
    if (Array.isArray(which)) rows = rows.filter((row) => which.includes(row.conversationID));
    else if (which && typeof which === "object") {
      const { type, markType, groupName, hasUnreadCount } = which;
      rows = rows.filter(
        (row) =>
          (type === undefined || row.type === type) &&
          (markType === undefined || row.markList.includes(markType)) &&
          (groupName === undefined || row.conversationGroupList.includes(groupName)) &&
          (hasUnreadCount === undefined || row.unreadCount > 0 === hasUnreadCount),
      );
    }
    return answer({ conversationList: rows, isSyncCompleted: true });
  }

  async getConversationProfile(conversationID) {
    return answer({ conversation: this.#row(conversationID) });
  }

  #row(conversationID) {
    const row = this.#rows().find((row) => row.conversationID === conversationID);
    if (!row) throw new ChatError(`no conversation ${conversationID}`, 2700);
    return row;
  }

  /** The number over all conversations that notify. */
  getTotalUnreadMessageCount() {
    return this.#inbox.totalUnreadCount;
  }

  async getMyProfile() {
    return answer({ userID: this.#inbox.owner, nick: "", avatar: "" });
  }

  /** The profiles of those who are somebody's peer; of others only their ids. */
  async getUserProfile({ userIDList = [] } = {}) {
    const known = new Map(this.#rows().flatMap((row) => (row.userProfile ? [[row.userProfile.userID, row.userProfile]] : [])));
    return answer(userIDList.map((userID) => known.get(userID) ?? { userID, nick: "", avatar: "" }));
  }

  async getGroupList() {
    return answer({ groupList: this.#rows().flatMap((row) => row.groupProfile ?? []) });
  }

  async getGroupProfile({ groupID }) {
    return answer({ group: this.#row(`GROUP${groupID}`).groupProfile });
  }

  async getFriendList() {
    return answer([]);
  }

  async getBlacklist() {
    return answer([]);
  }

  async getFriendGroupList() {
    return answer([]);
  }

  async getFriendApplicationList() {
    return answer({ friendApplicationList: [], unreadCount: 0 });
  }

  async getUserStatus() {
    return answer({ successUserList: [], failureUserList: [] });
  }

  async subscribeUserStatus() {
    return answer({ failureUserList: [] });
  }

  async unsubscribeUserStatus() {
    return answer({ failureUserList: [] });
  }

  /** No history: rows hold the last message of each conversation and no other. */
  async getMessageList() {
    return answer({ messageList: [], nextReqMessageID: "", isCompleted: true });
  }

  async getMessageListHopping() {
    return this.getMessageList();
  }

  findMessage() {
    return null;
  }

  getSignalingInfo() {
    return null;
  }

  // Commands: each is carried out by the callback, and the list is told anew.

  async #carryOut(command) {
    if (!this.#command) throw new ChatError(`${command.name}: this chat object only reads, for it has no onCommand`);
    const inbox = await this.#command(command);
    if (inbox) this.show(inbox);
  }

  async pinConversation({ conversationID, isPinned }) {
    await this.#carryOut({ name: isPinned ? "pin" : "unpin", conversation: logId(conversationID) });
    return answer({ conversationID });
  }

  async setMessageRead({ conversationID }) {
    await this.#carryOut({ name: "read", conversation: logId(conversationID) });
    return answer({ conversationID });
  }

  async setConversationDraft({ conversationID, draftText = "" }) {
    await this.#carryOut({ name: "draft", conversation: logId(conversationID), text: draftOf(draftText) });
    return answer({ conversation: this.#rows().find((row) => row.conversationID === conversationID) ?? {} });
  }

  async setMessageRemindType({ groupID, userIDList = [], messageRemindType }) {
    const option = OPTIONS[messageRemindType];
    if (!option) throw new ChatError(`no way to remind: ${messageRemindType}`);
    const ids = groupID === undefined ? userIDList.map((userID) => `C2C${userID}`) : [`GROUP${groupID}`];
    for (const id of ids) await this.#carryOut({ name: "option", conversation: logId(id), option });
    return answer({ successUserList: userIDList.map((userID) => ({ userID })), failureUserList: [] });
  }

  async deleteConversation(which) {
    const { conversationIDList, clearHistoryMessage = true } = typeof which === "string" ? { conversationIDList: [which] } : which;
    for (const id of conversationIDList) {
      await this.#carryOut({ name: "delete", conversation: logId(id), keepMessages: !clearHistoryMessage });
    }
    return answer({ successConversationIDList: conversationIDList, failureConversationIDList: [] });
  }
}

function answer(data) {
  return { code: 0, data };
}

/**
 * Returns a chat object over an inbox. Of what the client can do and this cannot, each method rejects with a ChatError.
 */
export function createChat(options) {
  const chat = new Chat(options);
  return new Proxy(chat, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value === "function") return value.bind(target);
      // A promise is not to take this for one of its own.
      if (value !== undefined || typeof key !== "string" || key === "then") return value;
      return async () => {
        throw new ChatError(`${key}: not part of a chat object over a log`);
      };
    },
  });
}
