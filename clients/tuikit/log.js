// A chat object over a log or a snapshot, through the command line. For Node.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { ChatError, createChat } from "./index.js";

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 1 << 30;

/** The arguments of `chatfold do LOG` that carry a command out. */
export function argumentsOf(command) {
  const { name, conversation } = command;
  switch (name) {
    case "pin":
    case "unpin":
    case "read":
      return [name, "--", conversation];
    case "draft":
      return ["draft", "--", conversation, command.text];
    case "option":
      return ["option", "--", command.option, conversation];
    case "delete":
      return ["delete", ...(command.keepMessages ? ["--keep-messages"] : []), "--", conversation];
    default:
      throw new ChatError(`no command ${name}`);
  }
}

async function chatfold(program, args) {
  try {
    const { stdout } = await run(program, args, { maxBuffer: MAX_OUTPUT_BYTES });
    return stdout;
  } catch (error) {
    if (error.code === "ENOENT") throw new ChatError(`${program} is not there: give its path as \`program\``);
    throw new ChatError((error.stderr || error.message).trim(), typeof error.code === "number" ? error.code : undefined);
  }
}

/** Reads what a log or snapshot shows. */
export async function readInbox(log, { program = "chatfold", owner, language, args = [] } = {}) {
  const options = ["inbox", "--json", "--dialect", "web", ...args];
  if (owner) options.push("--as", owner);
  if (language) options.push("--language", language);
  return JSON.parse(await chatfold(program, [...options, "--", log]));
}

/**
 * Returns a chat object over a log: it shows what the log does, and appends to it what is pinned, read, drafted, muted, deleted.
 * Over a snapshot it shows, and commands are refused. `refresh` reads the log again, after another wrote to it.
 */
export async function openLog(log, options = {}) {
  const { program = "chatfold" } = options;
  const read = () => readInbox(log, options);
  const onCommand = async (command) => {
    await chatfold(program, ["do", log, ...argumentsOf(command)]);
    return read();
  };
  const chat = createChat({ inbox: await read(), onCommand });
  return { chat, refresh: async () => chat.show(await read()) };
}
