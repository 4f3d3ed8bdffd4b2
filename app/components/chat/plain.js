/** Markdown as a screen reader should say it: no marks, no addresses, code and maths as they are written. */
export function plain(markdown, limit = 500) {
  const text = markdown
    .replace(/^[ \t]*(?:`{3,}|~{3,}).*$/gm, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^[ \t]*(?:#{1,6}|>|[-*+])[ \t]+/gm, "")
    .replace(/^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|?)+[ \t]*$/gm, "")
    .replace(/[ \t]*\|[ \t]*/g, " ")
    .replace(/\$\$|\\[[\]()]|\*\*|~~|`+/g, "")
    .replace(/\s+/g, " ")
    .trim();
  if (text.length <= limit) return text;
  const cut = text.lastIndexOf(" ", limit - 1);
  return `${text.slice(0, cut > limit / 2 ? cut : limit - 1)}…`;
}
