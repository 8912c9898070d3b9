// Rows fit the types of `@tencentcloud/chat`. Its enums are nominal, so text never fits them: they are taken for the texts that they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

import { inbox, logs } from "./logs.js";

const DECLARATIONS = `
import type { Conversation, Group, Profile } from "@tencentcloud/chat";

type Plain = Omit<Conversation, "type" | "messageRemindType" | "groupProfile" | "userProfile" | "lastMessage">;

/** A conversation as JSON has it: texts for enums, and of profiles what a list needs. */
export interface Row extends Plain {
  type: \`\${Conversation["type"]}\`;
  messageRemindType: \`\${Conversation["messageRemindType"]}\`;
  groupProfile?: Partial<Omit<Group, "type">> & { type: \`\${Group["type"]}\` | "" };
  userProfile?: Partial<Profile>;
  // Not in the package's types; its code has them.
  subType: \`\${Group["type"]}\` | "";
  peerReadTime: number;
  lastMessage: Last;
}

/** The package declares the last message as any; these are the keys that its code gives it. */
interface Last {
  lastTime: number; lastSequence: number; fromAccount: string; type: \`\${Conversation["type"]}\` | "";
  payload: { text?: string; data?: string; description?: string; extension?: string } | null; messageForShow: string;
  isRevoked: boolean; revoker: string | null; isPeerRead: boolean; nick: string; nameCard: string;
  cloudCustomData: string; onlineOnlyFlag: boolean; version: number;
}
`;

/** The faults that the compiler finds in a program that has these rows in it. */
function faults(rows, more = "") {
  const name = fileURLToPath(new URL("rows.ts", import.meta.url));
  const text = `${DECLARATIONS}\nexport const rows: Row[] = ${JSON.stringify(rows)};\n${more}`;
  const options = { strict: true, noEmit: true, skipLibCheck: true, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, types: [] };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (file, ...rest) => (file === name ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(file, ...rest));
  host.fileExists = (file) => file === name || fileExists(file);
  host.readFile = (file) => (file === name ? text : readFile(file));
  const program = ts.createProgram([name], options, host);
  return ts.getPreEmitDiagnostics(program).map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, "\n"));
}

const rowsOf = (log) => inbox(log, "web").conversationList;

test("rows are of the package's types", () => {
  const rows = logs().flatMap((log) => rowsOf(log).slice(0, 60));
  assert.ok(rows.length > 60);
  assert.deepEqual(faults(rows), []);
});

test("a wrong key and a wrong name are seen", () => {
  const [row] = rowsOf(logs()[0]).filter((row) => row.groupProfile);
  const { unreadCount, ...rest } = row;
  assert.match(faults([{ ...rest, unreadNumber: unreadCount }]).join(), /unreadNumber/);
  assert.match(faults([rest]).join(), /unreadCount/);
  assert.match(faults([{ ...row, type: "Group" }]).join(), /"Group"/);
  assert.match(faults([{ ...row, messageRemindType: "AcceptAndNotifyAll" }]).join(), /AcceptAndNotifyAll/);
  assert.match(faults([{ ...row, groupProfile: { ...row.groupProfile, type: "Work" } }]).join(), /"Work"/);
  assert.match(faults([{ ...row, groupProfile: { ...row.groupProfile, title: "x" } }]).join(), /title/);
  assert.match(faults([{ ...row, lastMessage: null }]).join(), /null/);
  assert.match(faults([{ ...row, unreadCount: "3" }]).join(), /string/);
});

test("JSON never fits the package's own type, for its enums are nominal", () => {
  const [row] = rowsOf(logs()[0]);
  assert.match(faults([], `export const one: Conversation = ${JSON.stringify(row)};`).join(), /TYPES/);
});

test("the stand-in's types are those of the rows", () => {
  const more = `import type { Row as Ours } from "../../clients/tuikit/index.js";\nexport const same = (row: Row): Ours["lastMessage"]["lastTime"] => row.lastMessage.lastTime;
    export const kinds: Ours["type"] extends Row["type"] ? true : false = true;
    export const reminds: Ours["messageRemindType"] extends Row["messageRemindType"] ? true : false = true;
    export const keys: Exclude<keyof Row, "groupProfile"> extends keyof Ours ? true : false = true;`;
  assert.deepEqual(faults([], more), []);
});
