/** What `chatfold inbox LOG --json --dialect web` writes. */
export interface Inbox {
  owner: string;
  totalUnreadCount: number;
  totalUnreadCountAll: number;
  conversationList: Row[];
  [key: string]: unknown;
}

/** A conversation, as `@tencentcloud/chat` has one. */
export interface Row {
  conversationID: string;
  type: "C2C" | "GROUP";
  subType: string;
  unreadCount: number;
  lastMessage: LastMessage;
  groupProfile?: { groupID: string; name: string; avatar: string; type: string };
  userProfile?: { userID: string; nick: string; avatar: string };
  groupAtInfoList: { from: string; groupID: string; messageSequence: number; atTypeArray: (1 | 2 | 3)[] }[];
  remark: string;
  isPinned: boolean;
  messageRemindType: "AcceptAndNotify" | "Discard" | "AcceptNotNotify" | "AcceptNotNotifyExceptAt" | "NotReceiveMsgExceptAt";
  markList: number[];
  customData: string;
  conversationGroupList: string[];
  draftText: string;
  peerReadTime: number;
  [key: string]: unknown;
}

/** The last message of a row; where there is none, `type` is "" and `payload` null. */
export interface LastMessage {
  lastTime: number;
  lastSequence: number;
  fromAccount: string;
  type: string;
  payload: Record<string, string> | null;
  messageForShow: string;
  isRevoked: boolean;
  revoker: string | null;
  isPeerRead: boolean;
  nick: string;
  nameCard: string;
  cloudCustomData: string;
  onlineOnlyFlag: boolean;
  version: number;
}

/** What the user wants; ids are those of the log, such as `c2c_bob`. */
export type Command =
  | { name: "pin" | "unpin" | "read"; conversation: string }
  | { name: "draft"; conversation: string; text: string }
  | { name: "option"; conversation: string; option: string }
  | { name: "delete"; conversation: string; keepMessages: boolean };

export interface Options {
  inbox: Inbox;
  /** Carries a command out and returns the inbox after it, or nothing where `show` will be called with it. Without it the chat object only reads. */
  onCommand?: (command: Command) => Inbox | void | Promise<Inbox | void>;
}

/** A refusal, with the code that the client gives such. */
export class ChatError extends Error {
  code: number;
  constructor(message: string, code?: number);
}

/** A chat object, to be given to `TUIChatEngine.login({ chat })`. */
export interface Chat {
  show(inbox: Inbox): void;
  on(name: string, handler: (event: { name: string; data: unknown }) => void, context?: unknown): void;
  off(name: string, handler: (event: { name: string; data: unknown }) => void, context?: unknown): void;
  emit(name: string, data: unknown): void;
  isReady(): boolean;
  getConversationList(
    which?: string[] | { type?: string; markType?: number; groupName?: string; hasUnreadCount?: boolean },
  ): Promise<{ code: 0; data: { conversationList: Row[]; isSyncCompleted: true } }>;
  getConversationProfile(conversationID: string): Promise<{ code: 0; data: { conversation: Row } }>;
  getTotalUnreadMessageCount(): number;
  pinConversation(which: { conversationID: string; isPinned: boolean }): Promise<unknown>;
  setMessageRead(which: { conversationID: string }): Promise<unknown>;
  setConversationDraft(which: { conversationID: string; draftText?: string }): Promise<{ code: 0; data: { conversation: Row } }>;
  setMessageRemindType(which: { groupID?: string; userIDList?: string[]; messageRemindType: string }): Promise<unknown>;
  deleteConversation(which: string | { conversationIDList: string[]; clearHistoryMessage?: boolean }): Promise<unknown>;
  /** Anything else that the client can do rejects with a ChatError. */
  [method: string]: any;
}

export function createChat(options: Options): Chat;
export function logId(conversationID: string): string;
