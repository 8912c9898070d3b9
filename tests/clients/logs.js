// The logs that the clients are shown, and what chatfold makes of them.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The command line, built with the feature zstd. */
export const program =
  process.env.CHATFOLD_PROGRAM ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "chatfold");

/** Every log of the fixtures, and the real histories where they are. */
export function logs() {
  const fixtures = join(root, "fixtures/logs/v1");
  const found = readdirSync(fixtures).filter((name) => name.endsWith(".jsonl")).map((name) => join(fixtures, name));
  const shared = process.env.CHATFOLD_SHARED && join(process.env.CHATFOLD_SHARED, "data");
  if (shared && existsSync(shared)) {
    found.push(...readdirSync(shared).filter((name) => name.endsWith(".jsonl.zst")).map((name) => join(shared, name)));
  } else if (process.env.CHATFOLD_REQUIRE_SHARED) {
    throw new Error("CHATFOLD_SHARED names no folder with data/");
  }
  return found;
}

/** The inbox of a log in a dialect. */
export function inbox(log, dialect, ...more) {
  const args = ["inbox", log, "--json", "--dialect", dialect, ...more];
  return JSON.parse(execFileSync(program, args, { maxBuffer: 1 << 30, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

export const schema = (name) => join(root, "schema", `${name}.schema.json`);
export const fixture = (name) => join(root, "fixtures/logs/v1", `${name}.jsonl`);
