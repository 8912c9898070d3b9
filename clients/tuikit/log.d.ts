import type { Chat, Command, Inbox } from "./index.js";

export interface LogOptions {
  /** The command line; `chatfold` on the path unless said otherwise. */
  program?: string;
  /** Fold for this owner, whatever the log's header says. */
  owner?: string;
  /** The words for what is no text, such as an image: Chinese, which the UI kit translates, or English. */
  language?: "zh" | "en";
  /** More arguments of `chatfold inbox`, such as filters. */
  args?: string[];
}

export function readInbox(log: string, options?: LogOptions): Promise<Inbox>;
export function openLog(log: string, options?: LogOptions): Promise<{ chat: Chat; refresh(): Promise<void> }>;
export function argumentsOf(command: Command): string[];
