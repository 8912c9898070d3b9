// Tencent's UI kit engine, shown our rows and asked for its own; and what chatfold says of the same inbox in Flutter's dialect.

import engine, { StoreName, TUIStore } from "@tencentcloud/chat-uikit-engine";

import { createChat } from "../../clients/tuikit/index.js";

let chat;

/** What the engine shows of an inbox whose rows are in the dialect web. */
export async function shownByEngine(inbox) {
  if (chat) chat.show(inbox);
  else chat = createChat({ inbox });
  const { log, warn } = console;
  console.log = console.warn = () => {};
  try {
    await engine.login({ chat, SDKAppID: 1, userID: inbox.owner, userSig: "", useUploadPlugin: false });
    // The engine asks for the list in a promise of its own.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    Object.assign(console, { log, warn });
  }
  const models = TUIStore.getData(StoreName.CONV, "conversationList");
  const notifying = models.filter((model) => model.messageRemindType === "AcceptAndNotify");
  return {
    rows: models.map((model) => ({
      id: model.conversationID,
      showName: model.getShowName(),
      unread: model.unreadCount,
      pinned: model.isPinned,
      muted: model.isMuted,
      mention: model.getGroupAtInfo(),
      text: model.getLastMessage("text"),
      // These have nothing to be held against, but must not throw.
      asked: [model.getAvatar(), model.getLastMessage("time"), model.getConversation()].length,
    })),
    total: TUIStore.getData(StoreName.CONV, "totalUnreadCount"),
    summed: notifying.reduce((sum, model) => sum + model.unreadCount, 0),
  };
}

const WORDS = {
  3: "[图片]",
  4: "[语音]",
  5: "[视频]",
  6: "[文件]",
  7: "[位置]",
  8: "[动画表情]",
  2: "[自定义消息]",
  9: "[群提示消息]",
  10: "[聊天记录]",
};

/** How often the rule for emoji changed a text. */
export const counted = { emoji: 0, calls: 0, texts: 0 };

/** In a text the engine takes what stands in brackets for the name of an emoji, and shows what follows the last dot of its key. */
function emoji(text) {
  return text.replace(/(\[.+?\])/g, (name) => {
    const shown = `Emoji.${name}`.split(".").pop();
    if (shown !== name) counted.emoji += 1;
    return shown;
  });
}

function contentOf(message) {
  if (message.status === 6) return "撤回了一条消息";
  const text = message.textElem?.text;
  if (message.elemType === 1) return emoji(text ?? "");
  return text ?? WORDS[message.elemType];
}

/** The last message's text, as the list of the UI kit would show it; undefined where the engine tells of a call. */
function textOf(row, owner) {
  counted.texts += 1;
  if (row.draftText !== null) return row.draftText;
  const muted = row.unreadCount > 0 && row.recvOpt === 2;
  const count = muted ? `[${row.unreadCount > 99 ? "99+" : row.unreadCount}条]` : "";
  const message = row.lastMessage;
  if (message === null) return count;
  if (isCall(message)) {
    counted.calls += 1;
    return undefined;
  }
  const content = contentOf(message);
  if (row.type === 2 && message.elemType === 9) return content;
  const who = message.sender === owner ? "我" : message.nickName || message.sender;
  return `${count}${row.type === 2 ? `${who}:` : ""}${content}`;
}

function isCall(message) {
  if (message.elemType !== 2 || message.status === 6 || !message.customElem) return false;
  try {
    return JSON.parse(message.customElem.data)?.businessID === 1;
  } catch {
    return false;
  }
}

const MENTIONS = ["", "[有人@我]", "[@所有人]", "[@所有人][有人@我]"];

/** What chatfold shows of an inbox whose rows are in Flutter's dialect, data as text. */
export function shownByChatfold(inbox) {
  return {
    rows: inbox.conversationList.map((row) => ({
      id: row.type === 2 ? `GROUP${row.groupID}` : `C2C${row.userID}`,
      showName: row.showName,
      unread: row.unreadCount,
      pinned: row.isPinned,
      muted: row.recvOpt === 1 || row.recvOpt === 2,
      mention: MENTIONS[row.groupAtInfoList.at(-1)?.atType ?? 0],
      text: textOf(row, inbox.owner),
    })),
    total: inbox.totalUnreadCount,
    summed: inbox.totalUnreadCount,
  };
}

/** In what the two differ, a line each. */
export function differences(ours, theirs) {
  const found = [];
  for (const key of ["total", "summed"]) {
    if (ours[key] !== theirs[key]) found.push(`${key}: ours ${ours[key]}, the engine's ${theirs[key]}`);
  }
  if (ours.rows.length !== theirs.rows.length) found.push(`rows: ours ${ours.rows.length}, the engine's ${theirs.rows.length}`);
  ours.rows.forEach((row, place) => {
    for (const [key, value] of Object.entries(row)) {
      const other = theirs.rows[place]?.[key];
      if (value !== undefined && value !== other) {
        found.push(`${place} ${row.id} ${key}: ours ${JSON.stringify(value)}, the engine's ${JSON.stringify(other)}`);
      }
    }
  });
  return found;
}
