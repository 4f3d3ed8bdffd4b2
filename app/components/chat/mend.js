/**
 * Completes what a half-written last line leaves open, so that an answer doesn't flicker between readings while it
 * arrives: a table before its second row, a list marker that looks like an underline, bold text without its end.
 * Only for showing unfinished text; the text itself stays as it came.
 */

const TABLE_ROW = /^ {0,3}\|/;
const HALF_AN_UNDERLINE = /\n {0,3}(?:-+|=+)[ \t]*$/;
const HALF_A_LINK = /!?\[([^\]\n]*)\]\([^)\n]*$/;
const FENCE_LINE = /^[ \t]*(?:`{3,}|~{3,})/gm;

export function mend(text) {
  if ((text.match(FENCE_LINE)?.length ?? 0) % 2) return text;
  const start = text.lastIndexOf("\n") + 1;
  const line = text.slice(start);
  if (TABLE_ROW.test(line)) return mendTable(text, start, line);
  if (HALF_AN_UNDERLINE.test(text)) return text.slice(0, start);
  return text.slice(0, start) + closeSpans(line.replace(HALF_A_LINK, "$1"));
}

function mendTable(text, start, line) {
  const above = text.slice(text.lastIndexOf("\n", start - 2) + 1, start).trimEnd();
  if (!TABLE_ROW.test(above)) return `${text.slice(0, start)}${closeRow(line)}\n${delimiters(line)}`;
  if (/^[|:\- \t]+$/.test(line) && !isBelowDelimiters(text, start)) return text.slice(0, start) + delimiters(above);
  return text.slice(0, start) + closeSpans(line);
}

function isBelowDelimiters(text, start) {
  return text.slice(0, start).split("\n").some((row) => /^ {0,3}\|[|:\- \t]*-[|:\- \t]*$/.test(row));
}

function closeRow(line) {
  const row = closeSpans(line.trimEnd());
  return row.endsWith("|") && row.trim().length > 1 ? row : `${row} |`;
}

function delimiters(header) {
  const cells = closeRow(header).replace(/\\\|/g, "").split("|").length - 2;
  return `|${" - |".repeat(Math.max(cells, 1))}`;
}

function closeSpans(line) {
  const open = [];
  let bare = ""; // the line without the delimiters that have nothing after them yet
  const pieces = line.match(/\\.|`+|\*+|~~+|[^\\`*~]+|./g) ?? [];
  pieces.forEach((piece, index) => {
    const last = index === pieces.length - 1;
    const code = open.at(-1)?.[0] === "`" ? open.at(-1) : null;
    if (code) {
      if (piece === code) open.pop();
    } else if (last && hangs(pieces, index)) {
      return;
    } else if (piece[0] === "`") {
      open.push(piece);
    } else if (piece === "**" || piece === "~~") {
      if (open.includes(piece)) open.splice(open.lastIndexOf(piece), 1);
      else if (opens(pieces, index)) open.push(piece);
    } else if (last && piece === "*" && open.includes("**")) {
      return;
    }
    bare += piece;
  });
  const space = /\s*$/.exec(bare)[0];
  return open.length ? bare.slice(0, bare.length - space.length) + open.reverse().join("") + space : bare;
}

function opens(pieces, index) {
  return !/[\p{L}\p{N}]$/u.test(pieces[index - 1] ?? "") && !/^\s/.test(pieces[index + 1] ?? " ");
}

/** An opening delimiter that has just arrived, with nothing after it. */
function hangs(pieces, index) {
  const delimiter = /^(?:`{1,2}|\*{1,3}|~~)$/.test(pieces[index]);
  return delimiter && index > 0 && /\s$/.test(pieces[index - 1]) && !pieces.slice(0, index).includes(pieces[index]);
}
