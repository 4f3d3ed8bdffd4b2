import { describe, expect, test } from "bun:test";
import { parse } from "../../app/components/chat/markdown.js";

/** The formulas in a text, `[[value, "inline" | "display"], …]`. */
function formulas(markdown, options) {
  const found = [];
  const visit = (node) => {
    if (node.type === "math") found.push([node.value, "display"]);
    if (node.type === "inlineMath") found.push([node.value, node.display ? "display" : "inline"]);
    node.children?.forEach(visit);
  };
  visit(parse(markdown, options));
  return found;
}

const types = (markdown, options) => parse(markdown, options).children.map((node) => node.type);

describe("formulas", () => {
  test.each([
    ["let $x = 5$ be", [["x = 5", "inline"]]],
    ["$x$-axis, ($y$), $z$.", [["x", "inline"], ["y", "inline"], ["z", "inline"]]],
    ["so $$a + b$$ holds", [["a + b", "display"]]],
    ["\\(x+1\\) and \\[y\\]", [["x+1", "inline"], ["y", "display"]]],
    ["$$\nx\n$$", [["x", "display"]]],
    ["\\[\nx\n\\]", [["x", "display"]]],
    ["$$x = 1 \\\\\n= 2$$", [["x = 1 \\\\\n= 2", "display"]]],
    ["$$\nx\n\n- y\n$$\n", [["x\n\n- y", "display"]]],
    ["text\n$$\nx\n$$\ntext", [["x", "display"]]],
    ["> $$\n> x\n> $$", [["x", "display"]]],
    ["1. so\n   \\[\n   x\n   \\]\n2. b", [["x", "display"]]],
    ["$$\\text{if $x$}$$", [["\\text{if $x$}", "display"]]],
    ["| a |\n|---|\n| $x$ |", [["x", "inline"]]],
    ["$a \\$ b$", [["a \\$ b", "inline"]]],
    ["\\[ a \\\\[4pt] b \\]", [["a \\\\[4pt] b", "display"]]],
    ["line one \\(a +\nb\\) line two", [["a +\nb", "inline"]]],
    ["**bold $x$**", [["x", "inline"]]],
    ["$$\nx\n$$ where", [["x", "display"]]],
  ])("%j", (markdown, expected) => expect(formulas(markdown)).toEqual(expected));
});

describe("not formulas", () => {
  test.each([
    "it costs $5 and $10 more",
    "between $5-$10",
    "US$5 and A$7",
    "from $1,000 to $2,000.50",
    "$ x$ and $x $",
    "\\$x$",
    "only one $ here",
    "`$x$` and `\\(y\\)`",
    "```\n$x$\n$$\ny\n$$\n```",
    "    $x$",
    "\\\\(x\\\\)",
    "$$",
    "$$$$",
    "$$x = 1\n\nthe next paragraph$",
    "\\(never closed",
    "https://example.org/?a=$b",
  ])("%j", (markdown) => expect(formulas(markdown)).toEqual([]));
});

test("a formula left open is one only while the text is written", () => {
  expect(formulas("a\n\n$$\n\\frac{1", { open: true })).toEqual([["\\frac{1", "display"]]);
  expect(formulas("a\n\n$$\n\\frac{1")).toEqual([]);
});

test.each([
  ["so \\(x +", [["x +", "inline"]]],
  ["so \\[ \\frac{1}", [["\\frac{1}", "display"]]],
  ["so $$x +", [["x +", "display"]]],
  ["it costs $5 and", []],
  ["so $x +", []],
  ["`\\(x`", []],
])("while it is written, %j", (markdown, expected) => {
  expect(formulas(markdown, { open: true })).toEqual(expected);
  expect(formulas(markdown)).toEqual([]);
});

test("a stray opener leaves the lists behind it lists", () => {
  expect(types("$$\n\n- a\n- b\n\n# c")).toEqual(["paragraph", "list", "heading"]);
});
