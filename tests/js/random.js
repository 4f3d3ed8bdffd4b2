/** A small seeded generator (mulberry32), so that a failing case can be run again. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit) => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)] };
}

const LINES = [
  "a word", "two words here", "# heading", "## two", "---", "***", "* * *", "===", "> quoted", "> - in quote",
  "- item", "- another", "* star", "+ plus", "1. one", "2. two", "10) ten", "-", "1.", "- - nested", "1. - mixed",
  "- ```python", "  indented two", "   indented three", "    indented four", "      six", "\ttab", "  - nested item",
  "   1. nested", "    - deep item", "```", "```python", "~~~", "  ```", "   ```", "    ```", "````", "`` ` ``",
  "| a | b |", "|---|---|", "| 1 | 2 |", "$$", "\\[", "\\]", "  $$", "$$ x = 1", "x = 1 $$", "$$x$$", "$5 and $6",
  "**bold**", "<div>", "</div>", "<!-- c", "-->", "text  ", "trailing\\", "- [ ] task", "- [x] done", "•", "1", "-x",
  "12 apples", "**", "# ", "1.5 is a number", "- $$", "  x", "> ```", "> code", "\\(x\\)", "``", "  \\]", "\\[ y",
];

// Formulas that close: how an opener without its closer is read depends on what comes behind it, by design.
const FORMULAS = ["$$\nx\n\n- y\n$$", "\\[\nx\n\n# y\n\\]", "- $$\n  x\n\n  y\n  $$", "$$x = 1\n- y$$", "$$x$$"];
const HALF_A_FORMULA = /\$\$|\\[[\]]/;

/** Like `document`, with every display formula closed. */
export function documentWithWholeFormulas({ below, pick }) {
  const lines = [...LINES.filter((line) => !HALF_A_FORMULA.test(line)), ...FORMULAS];
  return document({ below, pick: (list) => pick(list === LINES ? lines : list) });
}

/** A document made of lines that mean something to Markdown, in an order that often doesn't. */
export function document({ below, pick }) {
  let text = "";
  for (let line = 1 + below(14); line > 0; line -= 1) text += pick(LINES) + "\n".repeat(below(3) ? 1 : 1 + below(3));
  return below(2) ? text : text.trimEnd();
}
