import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmAutolinkLiteralFromMarkdown } from "mdast-util-gfm-autolink-literal";
import { gfmStrikethroughFromMarkdown } from "mdast-util-gfm-strikethrough";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTaskListItemFromMarkdown } from "mdast-util-gfm-task-list-item";
import { gfmAutolinkLiteral } from "micromark-extension-gfm-autolink-literal";
import { gfmStrikethrough } from "micromark-extension-gfm-strikethrough";
import { gfmTable } from "micromark-extension-gfm-table";
import { gfmTaskListItem } from "micromark-extension-gfm-task-list-item";
import { Blocks } from "./blocks.js";
import { mathsFromMarkdown, mathsSyntax } from "./maths.js";

// HTML isn't recognised at all: a tag is text like any other, and Markdown around it keeps working.
const noHtml = { disable: { null: ["htmlFlow", "htmlText"] } };

// One tilde is "about", as in ~5 minutes; two strike through. Footnotes reach across blocks and are left out.
const gfm = [gfmAutolinkLiteral(), gfmStrikethrough({ singleTilde: false }), gfmTable(), gfmTaskListItem()];

const syntax = {
  finished: [...gfm, mathsSyntax(), noHtml],
  open: [...gfm, mathsSyntax({ open: true }), noHtml],
  stray: [...gfm, mathsSyntax({ display: false }), noHtml],
};

const mdastExtensions = [
  gfmAutolinkLiteralFromMarkdown(),
  gfmStrikethroughFromMarkdown(),
  gfmTableFromMarkdown(),
  gfmTaskListItemFromMarkdown(),
  mathsFromMarkdown,
];

/** Markdown to mdast. `open`: the text is still being written. */
export function parse(text, { open = false } = {}) {
  const extensions = open ? syntax.open : strayOpener(text) ? syntax.stray : syntax.finished;
  return fromMarkdown(text, { extensions, mdastExtensions });
}

/** A `$$` or `\\[` on its own that never closes would keep the lists behind it from being lists. */
function strayOpener(text) {
  if (!/(?:\$\$|\\\[)[ \t]*(?:\r?\n|$)/.test(text)) return false;
  const blocks = new Blocks();
  blocks.update(text.endsWith("\n") ? text : `${text}\n`);
  return Boolean(blocks.fence?.maths);
}
