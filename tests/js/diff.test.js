import { expect, test } from "bun:test";
import { compare, drawSpaces } from "../../app/components/exercise/diff.js";

const differing = (lines) => lines.filter((line) => line.differs).map((line) => line.text);

test("a line that is missing is the only one that differs", () => {
  const found = compare("one\ntwo\nthree\n", "one\nthree\n");
  expect(differing(found.expected)).toEqual(["two\n"]);
  expect(differing(found.actual)).toEqual([]);
  expect([found.first, found.onlySpace]).toEqual([2, false]);
});

test("what is equal doesn't differ", () => {
  expect(compare("a\nb", "a\nb")).toMatchObject({ first: 0, onlySpace: false });
  expect(compare("", "")).toEqual({ expected: [], actual: [], first: 0, onlySpace: false });
});

test("only spaces differ: a missing line break, a space too many, another kind of blank", () => {
  for (const [expected, actual] of [["5\n", "5"], ["5 6", "5  6"], ["a\tb", "a b"], ["a\r\n", "a\n"], ["", "\n"]]) {
    expect(compare(expected, actual).onlySpace).toBe(true);
  }
  expect(drawSpaces("a \tb\r")).toBe("a·→b␍");
});

test("very long texts are compared in place, quickly and whole", () => {
  const text = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
  const found = compare(text.join(""), text.with(7, "other\n").join(""));
  expect([found.first, differing(found.actual).length, found.expected.length]).toEqual([8, 1, 20_000]);
});
