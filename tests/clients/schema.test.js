// The schemas by another validator than the library's tests have.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";

import Ajv from "ajv/dist/2020.js";

import { inbox, logs, schema } from "./logs.js";

const compile = (name) => new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(JSON.parse(readFileSync(schema(name), "utf8")));

for (const dialect of ["flutter", "native", "web"]) {
  test(`every inbox in the dialect ${dialect} is valid`, () => {
    const valid = compile(dialect);
    for (const log of logs()) {
      for (const more of [[], ["--all-keys"]]) {
        const written = inbox(log, dialect, ...more);
        assert.ok(valid(written), `${basename(log)}: ${JSON.stringify(valid.errors?.[0])}`);
      }
    }
    const [wrong] = inbox(logs()[0], dialect).conversationList.map((row) => ({ ...row, zzz: 1 }));
    assert.ok(!valid({ ...inbox(logs()[0], dialect), conversationList: [wrong] }));
  });
}

test("every line of every log of the fixtures is valid", () => {
  const valid = compile("log");
  for (const log of logs().filter((log) => log.endsWith(".jsonl"))) {
    for (const line of readFileSync(log, "utf8").trimEnd().split("\n")) {
      assert.ok(valid(JSON.parse(line)), `${basename(log)}: ${line}: ${JSON.stringify(valid.errors?.[0])}`);
      // Of a newer version nothing is known.
      const { v } = JSON.parse(line);
      assert.equal(valid({ ...JSON.parse(line), by: 7, owner: 7 }), v > 1, line);
    }
  }
});
