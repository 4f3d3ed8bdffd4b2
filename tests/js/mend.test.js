import { describe, expect, test } from "bun:test";
import { mend } from "../../app/components/chat/mend.js";

describe("what a half-written line leaves open is completed", () => {
  test.each([
    ["so **bold", "so **bold**"],
    ["so **bold ", "so **bold** "],
    ["so **bold*", "so **bold**"],
    ["so **", "so "],
    ["run `range(", "run `range(`"],
    ["~~gone", "~~gone~~"],
    ["**bold and `code", "**bold and `code`**"],
    ["see [the lesson](/s/py", "see the lesson"],
    ["first line\n-", "first line\n"],
    ["first line\n--", "first line\n"],
    ["first line\n===", "first line\n"],
    ["| a | b", "| a | b |\n| - | - |"],
    ["| a | b |", "| a | b |\n| - | - |"],
    ["| a | b |\n|--", "| a | b |\n| - | - |"],
    ["| a | b |\n|---|---|\n| **1", "| a | b |\n|---|---|\n| **1**"],
  ])("%j", (text, mended) => expect(mend(text)).toBe(mended));
});

describe("finished text stays as it is", () => {
  test.each([
    "",
    "plain",
    "**bold** and `code`",
    "2 * 3 * 4",
    "2**3",
    "snake_case_name",
    "a [link](/x) here",
    "```\n**open\n| a",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "- item\n- item two",
    "`a **b`",
    "escaped \\**",
  ])("%j", (text) => expect(mend(text)).toBe(text));
});
