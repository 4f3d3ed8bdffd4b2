import { describe, expect, test } from "bun:test";
import { Blocks, split } from "../../app/components/chat/blocks.js";
import { parse } from "../../app/components/chat/markdown.js";
import { document, documentWithWholeFormulas, random } from "./random.js";

const CASES = Number(process.env.CASES ?? 1000);
const PATIENCE = 60_000; // ms: machines that build at the same time are slow

// micromark takes "2." or "-" after indented code and a blank line for text; read alone it is the list it should be.
const LIST_LOST_BEHIND_CODE = /(?:^|\n)(?: {4}|\t).*\n+ {0,3}(?:\d+[.)]|[-*+][ \t]*(?:\n|$))/;

describe("split", () => {
  test.each([
    ["", [""]],
    ["one", ["one"]],
    ["one\n\ntwo", ["one\n\n", "two"]],
    ["\n\none\n\n\n\ntwo\n", ["\n\none\n\n\n\n", "two\n"]],
    ["a\r\n\r\nb", ["a\r\n\r\n", "b"]],
    ["# a\ntext\n\n## b", ["# a\ntext\n\n", "## b"]],
    ["```\na\n\nb\n```\n\nc", ["```\na\n\nb\n```\n\n", "c"]],
    ["```\na\n\nb", ["```\na\n\nb"]],
    ["````\n```\n\n````\n\nc", ["````\n```\n\n````\n\n", "c"]],
    ["~~~\n```\n\n~~~\n\nc", ["~~~\n```\n\n~~~\n\n", "c"]],
    ["$$\na\n\nb\n$$\n\nc", ["$$\na\n\nb\n$$\n\n", "c"]],
    ["\\[\na\n\nb\n\\]\n\nc", ["\\[\na\n\nb\n\\]\n\n", "c"]],
    ["- a\n\n- b\n\nc", ["- a\n\n- b\n\n", "c"]],
    ["1. a\n\n   more\n\n2. b\n\nc", ["1. a\n\n   more\n\n2. b\n\n", "c"]],
    ["1. a\n\n   ```\n   x\n\n   y\n   ```\n\n2. b\n\nc", ["1. a\n\n   ```\n   x\n\n   y\n   ```\n\n2. b\n\n", "c"]],
    ["- a\n  ```\n  x\n\nb\n\nc", ["- a\n  ```\n  x\n\n", "b\n\n", "c"]],
    ["a\n\n    code\n\n    code\n\nb", ["a\n\n    code\n\n    code\n\n", "b"]],
    ["> a\n\n> b", ["> a\n\n", "> b"]],
    ["| a |\n|---|\n| 1 |\n\nb", ["| a |\n|---|\n| 1 |\n\n", "b"]],
    ["- a\n\n---\n\nb", ["- a\n\n", "---\n\n", "b"]],
    ["- a\n\n12 apples", ["- a\n\n", "12 apples"]],
    ["- a\n\n12. apples", ["- a\n\n12. apples"]],
  ])("%j", (text, blocks) => expect(split(text)).toEqual(blocks));
});

test("the blocks joined are the text", () => {
  for (let seed = 0; seed < CASES; seed += 1) {
    const text = document(random(seed));
    expect(split(text).join("")).toBe(text);
  }
}, PATIENCE);

test("chunking changes nothing", () => {
  for (let seed = 0; seed < CASES; seed += 1) {
    const source = random(seed);
    const text = document(source);
    const blocks = new Blocks();
    for (let end = 0; end < text.length; ) {
      end = Math.min(text.length, end + 1 + source.below(9));
      blocks.update(text.slice(0, end));
    }
    expect([seed, blocks.blocks]).toEqual([seed, split(text)]);
  }
}, PATIENCE);

test("a finished block never changes again", () => {
  for (let seed = 0; seed < CASES; seed += 10) {
    const text = document(random(seed));
    const blocks = new Blocks();
    let finished = [];
    for (let end = 1; end <= text.length; end += 1) {
      const now = blocks.update(text.slice(0, end)).slice(0, -1);
      expect([seed, now.slice(0, finished.length)]).toEqual([seed, finished]);
      finished = now;
    }
  }
}, PATIENCE);

test("parsing the blocks gives what parsing the whole gives", () => {
  for (let seed = 0; seed < CASES; seed += 1) {
    const text = documentWithWholeFormulas(random(seed));
    const whole = outline(text);
    if (LIST_LOST_BEHIND_CODE.test(text)) continue;
    const parts = split(text).flatMap((block) => outline(block));
    if (!Bun.deepEquals(parts, whole)) console.log(seed, text);
    expect([seed, parts]).toEqual([seed, whole]);
  }
}, PATIENCE);

test("another text starts over", () => {
  const blocks = new Blocks();
  blocks.update("```\nopen\n\nfence");
  expect([...blocks.update("a\n\nb")]).toEqual(["a\n\n", "b"]);
});

test("reading is linear in the text, however finely it is chopped", () => {
  const paragraph = `${"word ".repeat(40)}\n\n`;
  const read = (length) => {
    const blocks = new Blocks();
    let lines = 0;
    const slice = String.prototype.slice;
    String.prototype.slice = function counted(...args) {
      lines += 1;
      return slice.apply(this, args);
    };
    try {
      let text = "";
      while (text.length < length) for (const word of paragraph.match(/\S+\s*/g)) blocks.update((text += word));
    } finally {
      String.prototype.slice = slice;
    }
    return lines;
  };
  expect(read(80_000) / read(20_000)).toBeLessThan(4.2);
}, PATIENCE);

/** What a text says, without positions and without the blank lines at the end of code. */
function outline(text) {
  const strip = ({ position, children, ...node }) => {
    if (node.type === "code") node.value = node.value.trimEnd();
    return children ? { ...node, children: children.map(strip) } : node;
  };
  return parse(text).children.map(strip);
}
