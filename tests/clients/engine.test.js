// The engine's own order, names, numbers and texts are ours.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";

import { counted, differences, shownByChatfold, shownByEngine } from "./engine.js";
import { fixture, inbox, logs } from "./logs.js";

test("the engine shows what chatfold does", async (t) => {
  let rows = 0;
  for (const log of logs()) {
    const ours = shownByChatfold(inbox(log, "flutter", "--data", "text"));
    const theirs = await shownByEngine(inbox(log, "web"));
    assert.deepEqual(differences(ours, theirs), [], basename(log));
    rows += theirs.rows.length;
  }
  assert.ok(rows > 60, `${rows} rows`);
  t.diagnostic(`${rows} rows; ${counted.emoji} names in brackets shown by what follows their last dot; ${counted.calls} calls`);
});

/** Every kind of text that the list shows, as the engine shows it. */
test("together the logs have every kind of text", async () => {
  const seen = new Set();
  for (const log of logs()) {
    const flutter = inbox(log, "flutter", "--data", "text");
    for (const row of flutter.conversationList) {
      const message = row.lastMessage;
      if (row.draftText !== null) seen.add("draft");
      else if (message === null) seen.add("none");
      else {
        if (row.unreadCount > 0 && row.recvOpt === 2) seen.add("[n条]");
        if (message.status === 6) seen.add("recalled");
        else seen.add(message.elemType === 1 ? "text" : "no text");
        if (row.type === 2) seen.add(message.isSelf ? "own in a group" : "another's in a group");
      }
      if (row.groupAtInfoList.length > 0) seen.add("mention");
    }
  }
  for (const kind of ["draft", "none", "[n条]", "recalled", "text", "no text", "own in a group", "another's in a group", "mention"]) {
    assert.ok(seen.has(kind), `no log has ${kind}`);
  }
});

const CHANGES = {
  order: (rows) => rows.reverse(),
  "a row less": (rows) => rows.pop(),
  name: (rows) => rows.forEach((row) => ((row.userProfile ?? row.groupProfile)[row.userProfile ? "nick" : "name"] += "x")),
  remark: (rows) => rows.forEach((row) => (row.remark = "x")),
  unread: (rows) => (rows[0].unreadCount += 1),
  pinned: (rows) => (rows[0].isPinned = !rows[0].isPinned),
  muted: (rows) => rows.forEach((row) => (row.messageRemindType = "Discard")),
  mention: (rows) => rows.forEach((row) => (row.groupAtInfoList = [])),
  text: (rows) => rows.forEach((row) => row.lastMessage.payload?.text && (row.lastMessage.payload.text += "x")),
  "text of no text": (rows) => rows.forEach((row) => (row.lastMessage.messageForShow += "x")),
  recalled: (rows) => rows.forEach((row) => (row.lastMessage.isRevoked = false)),
  author: (rows) => rows.forEach((row) => ((row.lastMessage.fromAccount = "x"), (row.lastMessage.nick = ""))),
  draft: (rows) => rows.forEach((row) => (row.draftText = "")),
};

test("a row that is changed is seen", async () => {
  const names = ["team-at-work", "family", "mass-recall", "two-devices"].map(fixture);
  for (const [change, make] of Object.entries(CHANGES)) {
    let seen = 0;
    for (const log of names) {
      const changed = inbox(log, "web");
      make(changed.conversationList);
      const ours = shownByChatfold(inbox(log, "flutter", "--data", "text"));
      seen += differences(ours, await shownByEngine(changed)).length;
    }
    assert.ok(seen > 0, `${change} was changed and nobody saw it`);
  }
  const changed = inbox(names[0], "web");
  changed.totalUnreadCount += 1;
  const ours = shownByChatfold(inbox(names[0], "flutter", "--data", "text"));
  assert.equal(differences(ours, await shownByEngine(changed)).length, 1, "the total");
});

test("nothing of a row makes a getter throw", async () => {
  const odd = inbox(fixture("team-at-work"), "web");
  const payloads = ['{"businessID":1}', '{"businessID":1,"data":"{}"}', "null", "7", "{", '"x"', ""];
  odd.conversationList = payloads.map((data, n) => ({
    ...odd.conversationList[0],
    conversationID: `C2Codd${n}`,
    type: "C2C",
    draftText: "",
    lastMessage: { ...odd.conversationList[0].lastMessage, type: "TIMCustomElem", payload: { data, description: "", extension: "" } },
  }));
  const shown = await shownByEngine(odd);
  assert.equal(shown.rows.length, payloads.length);
});
