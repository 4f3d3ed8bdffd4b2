/**
 * Cuts growing Markdown into blocks that can be parsed one by one.
 *
 * A cut is made only at a blank line where the next line certainly begins a new top-level block, so that parsing
 * the blocks gives what parsing the whole would give. Not cutting is always correct, only slower; hence every doubt
 * ends in no cut. The blocks joined are the text, and how the text was chunked on its way here changes nothing.
 */

const FENCE = /^(`{3,})[^`]*$|^(~{3,})/;
const RULE = /^(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const MARKER = /^(?:[-*+]|\d{1,9}[.)])(?=[ \t]|$)/;
const STRONG_MARKER = /^(?:[-*+]|1[.)])[ \t]+\S/; // the others can't interrupt a paragraph
const MAYBE_A_MARKER = /^(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)|^\d{1,9}$/;
const HEADING = /^#{1,6}(?:[ \t]|$)/;
const UNDERLINE = /^(?:=+|-+)[ \t]*$/;
const MATHS_ALONE = /^(?:\$\$|\\\[)[ \t]*$/;
const MATHS = /^(?:\$\$(?!\$)|\\\[)[ \t]*/;
const INDENTED_CODE = 4;

/** Split a whole text. */
export function split(text) {
  return new Blocks().update(text);
}

/** Keeps its place between updates: a stream of n characters costs O(n), however finely it is chopped. */
export class Blocks {
  constructor() {
    this.#restart();
  }

  /** The blocks of `text`, which usually is the previous text with something added. The array is reused. */
  update(text) {
    if (!text.startsWith(this.text)) this.#restart();
    let searchFrom = Math.max(this.text.length, this.line);
    this.text = text;
    for (;;) {
      const end = text.indexOf("\n", searchFrom);
      if (end < 0) break;
      this.#read(text.slice(this.line, end).replace(/\r$/, ""));
      this.line = searchFrom = end + 1;
    }
    this.#peek();
    this.blocks[this.blocks.length - 1] = text.slice(this.start);
    return this.blocks;
  }

  #restart() {
    this.text = "";
    this.blocks = [""];
    this.start = 0; // of the current block
    this.line = 0; // of the first line that isn't read yet
    this.empty = true; // the current block holds blank lines only
    this.blank = false; // the line before was blank
    this.paragraph = false; // the line before can be continued lazily
    this.quoted = false; // and stands in a quotation
    this.items = []; // content columns of the open list items, outermost first
    this.hollow = false; // the line before was a marker with nothing behind it, which a blank line ends
    this.fence = null; // what has to close before a blank line counts again
  }

  /** The unfinished last line: cut before it as soon as its first characters settle the question. */
  #peek() {
    if (!this.blank || this.empty || this.fence) return;
    const { indent, rest } = measure(this.text.slice(this.line, this.line + 40));
    if (rest && !MAYBE_A_MARKER.test(rest) && this.#beginsBlock(indent, rest)) this.#cut();
  }

  #read(line) {
    const { indent, rest } = measure(line);
    if (!rest) {
      if (this.fence?.paragraph) this.fence = null;
      if (this.hollow) this.items[this.items.length - 1] = Infinity; // nothing is indented enough any more
      this.blank = true;
      this.paragraph = this.hollow = false;
      return;
    }
    this.hollow = false;
    if (this.fence && indent >= this.fence.column) {
      this.blank = false;
      if (this.fence.closes(indent - this.fence.column, rest)) this.fence = null;
      return;
    }
    this.fence = null;
    if (this.blank && !this.empty && this.#beginsBlock(indent, rest)) this.#cut();
    this.blank = this.empty = false;
    this.#openContainers(indent, rest);
  }

  #beginsBlock(indent, rest) {
    if (indent >= INDENTED_CODE) return false;
    if (!this.items.length) return true;
    return indent < this.items[0] && (RULE.test(rest) || !MARKER.test(rest));
  }

  #cut() {
    this.blocks[this.blocks.length - 1] = this.text.slice(this.start, this.line);
    this.blocks.push("");
    this.start = this.line;
    this.items = [];
    this.blank = this.paragraph = false;
    this.empty = true;
  }

  #openContainers(indent, rest) {
    if (this.paragraph && !this.#interrupts(indent, rest)) {
      this.paragraph = this.quoted || indent < (this.items.at(-1) ?? 0) || !UNDERLINE.test(rest);
      return;
    }
    while (this.items.length && indent < this.items.at(-1)) this.items.pop();
    for (;;) {
      const column = this.items.at(-1) ?? 0;
      if (indent - column >= INDENTED_CODE) return;
      const marker = RULE.test(rest) ? null : MARKER.exec(rest)?.[0];
      if (!marker) return this.#openLeaf(rest, column);
      const after = measure(rest.slice(marker.length), indent + marker.length);
      const gap = after.rest ? after.indent : 1;
      const inside = indent + marker.length + (gap > INDENTED_CODE ? 1 : gap);
      this.items.push(inside);
      this.paragraph = false;
      this.hollow = !after.rest;
      if (this.hollow) return;
      indent += marker.length + after.indent;
      rest = after.rest;
    }
  }

  /** Whether a line ends the paragraph above it rather than going on with it. */
  #interrupts(indent, rest) {
    if (indent - (this.items.at(-1) ?? 0) >= INDENTED_CODE) return false;
    const outside = this.quoted || indent < (this.items.at(-1) ?? 0);
    if (rest[0] === ">" || (outside && MARKER.test(rest))) return true;
    return [FENCE, RULE, STRONG_MARKER, HEADING, MATHS_ALONE].some((start) => start.test(rest));
  }

  #openLeaf(rest, column) {
    const code = FENCE.exec(rest);
    if (code) this.fence = codeFence(code[1] ?? code[2], column);
    else if (MATHS.test(rest)) this.fence = mathsFence(rest, column);
    this.paragraph = !this.fence && !HEADING.test(rest) && !RULE.test(rest);
    this.quoted = rest[0] === ">";
  }
}

function codeFence(opening, column) {
  const closing = new RegExp(`^\\${opening[0]}{${opening.length},}[ \\t]*$`);
  return { column, closes: (indent, rest) => indent < INDENTED_CODE && closing.test(rest) };
}

/** A formula whose opener stands alone on its line may hold blank lines. */
function mathsFence(rest, column) {
  const closing = rest[0] === "$" ? "$$" : "\\]";
  const content = rest.replace(MATHS, "");
  if (content.includes(closing)) return null;
  return { column, maths: true, paragraph: content !== "", closes: (_, line) => line.includes(closing) };
}

/** Width of the leading white space, tabs reaching to the next multiple of four from `column`, and what follows. */
function measure(line, column = 0) {
  let width = 0;
  let index = 0;
  for (; index < line.length; index += 1) {
    if (line[index] === "\t") width += 4 - ((column + width) % 4);
    else if (line[index] === " ") width += 1;
    else break;
  }
  return { indent: width, rest: line.slice(index) };
}
