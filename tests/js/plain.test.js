import { expect, test } from "bun:test";
import { plain } from "../../app/components/chat/plain.js";

test.each([
  ["**Bold** and `code`", "Bold and code"],
  ["# Title\n\n- one\n- two", "Title one two"],
  ["see [the lesson](/s/x)", "see the lesson"],
  ["```python\nprint(1)\n```", "print(1)"],
  ["so $$x = 1$$ and \\(y\\)", "so x = 1 and y"],
  ["| a | b |\n|---|---|\n| 1 | 2 |", "a b 1 2"],
  ["2 * 3 and snake_case", "2 * 3 and snake_case"],
])("%j is said as %j", (markdown, said) => expect(plain(markdown)).toBe(said));

test("a long answer is cut at a word", () => {
  const said = plain("word ".repeat(300));
  expect(said.length).toBeLessThanOrEqual(500);
  expect(said).toEndWith("word…");
});
