// Over a log, where the command line is: CHATFOLD_PROGRAM.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { ChatError } from "../index.js";
import { argumentsOf, openLog, readInbox } from "../log.js";

const program = process.env.CHATFOLD_PROGRAM;
const skip = program ? false : "CHATFOLD_PROGRAM is not set";
const folder = mkdtempSync(join(tmpdir(), "chatfold-tuikit-"));
after(() => rmSync(folder, { recursive: true }));

function copy(name) {
  const log = join(folder, `${name}.jsonl`);
  copyFileSync(fileURLToPath(new URL(`../../../fixtures/logs/v1/${name}.jsonl`, import.meta.url)), log);
  return log;
}

const row = async (chat, id) => (await chat.getConversationProfile(id)).data.conversation;

test("what the user does is appended to the log", { skip }, async () => {
  const log = copy("team-at-work");
  const { chat, refresh } = await openLog(log, { program });
  const list = (await chat.getConversationList()).data.conversationList;
  const [{ conversationID: unread }] = list.filter((row) => row.unreadCount > 0 && row.type === "GROUP");
  const [{ conversationID: loose }] = list.filter((row) => !row.isPinned && row.type === "C2C");
  let told = 0;
  chat.on("onConversationListUpdated", () => (told += 1));

  await chat.setMessageRead({ conversationID: unread });
  assert.equal((await row(chat, unread)).unreadCount, 0);
  await chat.pinConversation({ conversationID: loose, isPinned: true });
  assert.equal((await row(chat, loose)).isPinned, true);
  const drafted = await chat.setConversationDraft({ conversationID: loose, draftText: '{"html":"-x","abstract":"-x"}' });
  assert.equal(JSON.parse(drafted.data.conversation.draftText).abstract, "-x");
  await chat.setMessageRemindType({ groupID: unread.slice(5), messageRemindType: "AcceptNotNotify" });
  assert.equal((await row(chat, unread)).messageRemindType, "AcceptNotNotify");
  await chat.deleteConversation(loose);
  await assert.rejects(row(chat, loose), ChatError);
  assert.equal(told, 5);

  // Another reads the same from the log.
  const again = await readInbox(log, { program });
  assert.deepEqual((await chat.getConversationList()).data.conversationList, again.conversationList);
  execFileSync(program, ["do", log, "unpin", list.find((row) => row.isPinned).conversationID.replace(/^C2C/, "c2c_").replace(/^GROUP/, "group_")]);
  await refresh();
  assert.equal(told, 6);
});

test("a snapshot shows, and commands are refused", { skip }, async () => {
  const snapshot = join(folder, "snapshot");
  const log = copy("family");
  execFileSync(program, ["snapshot", log, "--out", snapshot]);
  const { chat } = await openLog(snapshot, { program });
  const list = (await chat.getConversationList()).data.conversationList;
  assert.deepEqual(list, (await readInbox(log, { program })).conversationList);
  await assert.rejects(chat.setMessageRead({ conversationID: list[0].conversationID }), ChatError);
});

test("options reach the command line", { skip }, async () => {
  const log = copy("family");
  const direct = await readInbox(log, { program, language: "en", args: ["--type", "direct"] });
  assert.ok(direct.conversationList.length > 0 && direct.conversationList.every((row) => row.type === "C2C"));
  await assert.rejects(readInbox(join(folder, "nothing.jsonl"), { program }), (error) => error instanceof ChatError && error.code === 4);
  await assert.rejects(readInbox(log, { program: join(folder, "no-program") }), /give its path/);
});

test("every command has its arguments", () => {
  assert.deepEqual(argumentsOf({ name: "delete", conversation: "c2c_bob", keepMessages: true }), ["delete", "--keep-messages", "--", "c2c_bob"]);
  assert.throws(() => argumentsOf({ name: "send" }), ChatError);
});
