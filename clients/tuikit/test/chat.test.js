import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatError, createChat, logId } from "../index.js";

const message = { lastTime: 1, lastSequence: 1, fromAccount: "bob", type: "TIMTextElem", payload: { text: "Lunch?" } };

function inbox(change = {}) {
  const row = (conversationID, type, more) => ({
    conversationID,
    type,
    unreadCount: 0,
    isPinned: false,
    markList: [],
    conversationGroupList: [],
    draftText: "",
    lastMessage: message,
    ...more,
  });
  return {
    owner: "alice",
    totalUnreadCount: 2,
    conversationList: [
      row("C2Cbob", "C2C", { userProfile: { userID: "bob", nick: "Bob", avatar: "" }, unreadCount: 2, markList: [1], ...change }),
      row("GROUPteam", "GROUP", { groupProfile: { groupID: "team", name: "Team", avatar: "", type: "Public" }, conversationGroupList: ["Work"] }),
    ],
  };
}

const ids = (answer) => answer.data.conversationList.map((row) => row.conversationID);

test("the list is what was given", async () => {
  const chat = createChat({ inbox: inbox() });
  assert.ok(chat.isReady());
  const list = await chat.getConversationList();
  assert.deepEqual(list.data.conversationList, inbox().conversationList);
  assert.equal(list.data.isSyncCompleted, true);
  assert.equal(chat.getTotalUnreadMessageCount(), 2);
  assert.deepEqual((await chat.getConversationProfile("GROUPteam")).data.conversation, inbox().conversationList[1]);
  assert.equal((await chat.getMyProfile()).data.userID, "alice");
  assert.deepEqual((await chat.getUserProfile({ userIDList: ["bob", "carol"] })).data.map(({ nick }) => nick), ["Bob", ""]);
  assert.deepEqual((await chat.getGroupList()).data.groupList.map(({ name }) => name), ["Team"]);
});

test("a part of the list is found", async () => {
  const chat = createChat({ inbox: inbox() });
  for (const [which, expected] of [
    [["GROUPteam", "C2Cnobody"], ["GROUPteam"]],
    [{ type: "C2C" }, ["C2Cbob"]],
    [{ markType: 1 }, ["C2Cbob"]],
    [{ groupName: "Work" }, ["GROUPteam"]],
    [{ hasUnreadCount: true }, ["C2Cbob"]],
    [{ hasUnreadCount: false }, ["GROUPteam"]],
    [{ type: "C2C", groupName: "Work" }, []],
  ]) {
    assert.deepEqual(ids(await chat.getConversationList(which)), expected, JSON.stringify(which));
  }
});

test("what is handed out is nobody else's", async () => {
  const given = inbox();
  const chat = createChat({ inbox: given });
  given.conversationList[0].unreadCount = 99;
  (await chat.getConversationList()).data.conversationList[0].unreadCount = 98;
  assert.equal((await chat.getConversationList()).data.conversationList[0].unreadCount, 2);
});

test("whoever listens is told of another inbox, and no longer once it does not", () => {
  const chat = createChat({ inbox: inbox() });
  const told = [];
  const context = { name: "screen" };
  const onList = function ({ name, data }) {
    told.push([this.name, name, data[0].unreadCount]);
  };
  const onTotal = ({ data }) => told.push(data);
  chat.on("onConversationListUpdated", onList, context);
  chat.on("onTotalUnreadMessageCountUpdated", onTotal);
  chat.show(inbox({ unreadCount: 5 }));
  assert.deepEqual(told, [["screen", "onConversationListUpdated", 5], 2]);
  chat.off("onConversationListUpdated", onList, context);
  chat.show(inbox());
  assert.deepEqual(told.slice(2), [2]);
});

test("what the user does is a command, and what comes of it is shown", async () => {
  const commands = [];
  const onCommand = (command) => {
    commands.push(command);
    return command.name === "read" ? inbox({ unreadCount: 0 }) : undefined;
  };
  const chat = createChat({ inbox: inbox(), onCommand });
  const told = [];
  chat.on("onConversationListUpdated", ({ data }) => told.push(data[0].unreadCount));
  await chat.pinConversation({ conversationID: "C2Cbob", isPinned: true });
  await chat.pinConversation({ conversationID: "GROUPteam", isPinned: false });
  await chat.setMessageRead({ conversationID: "C2Cbob" });
  const draft = await chat.setConversationDraft({ conversationID: "C2Cbob", draftText: '{"html":"a &lt; b","abstract":"a < b"}' });
  await chat.setConversationDraft({ conversationID: "C2Cbob", draftText: "plain" });
  await chat.setConversationDraft({ conversationID: "C2Cbob", draftText: "" });
  await chat.setMessageRemindType({ groupID: "team", messageRemindType: "AcceptNotNotify" });
  await chat.setMessageRemindType({ userIDList: ["bob"], messageRemindType: "Discard" });
  await chat.deleteConversation("C2Cbob");
  await chat.deleteConversation({ conversationIDList: ["GROUPteam"], clearHistoryMessage: false });
  assert.deepEqual(commands, [
    { name: "pin", conversation: "c2c_bob" },
    { name: "unpin", conversation: "group_team" },
    { name: "read", conversation: "c2c_bob" },
    { name: "draft", conversation: "c2c_bob", text: "a < b" },
    { name: "draft", conversation: "c2c_bob", text: "plain" },
    { name: "draft", conversation: "c2c_bob", text: "" },
    { name: "option", conversation: "group_team", option: "receive_not_notify" },
    { name: "option", conversation: "c2c_bob", option: "not_receive" },
    { name: "delete", conversation: "c2c_bob", keepMessages: false },
    { name: "delete", conversation: "group_team", keepMessages: true },
  ]);
  assert.deepEqual(told, [0]);
  assert.equal(draft.data.conversation.conversationID, "C2Cbob");
});

test("what cannot be done is refused with a word about it", async () => {
  const chat = createChat({ inbox: inbox() });
  const refused = (promise, what) => assert.rejects(promise, (error) => error instanceof ChatError && what.test(error.message));
  await refused(chat.pinConversation({ conversationID: "C2Cbob", isPinned: true }), /only reads/);
  await refused(chat.sendMessage({}), /sendMessage: not part/);
  await refused(chat.getConversationProfile("C2Cnobody"), /C2Cnobody/);
  await refused(chat.setMessageRemindType({ groupID: "team", messageRemindType: "Loud" }), /Loud/);
  const failing = createChat({ inbox: inbox(), onCommand: () => Promise.reject(new ChatError("no")) });
  await refused(failing.setMessageRead({ conversationID: "C2Cbob" }), /^no$/);
  assert.throws(() => logId("bob"), /bob/);
  assert.throws(() => createChat({ inbox: { owner: "alice" } }), /conversationList/);
  assert.throws(() => createChat({ inbox: { owner: "alice", conversationList: [{ conversationID: "c2c_bob", type: 1 }] } }), /dialect web/);
});
