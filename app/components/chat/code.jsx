import { memo, useMemo } from "react";
import { CopyButton } from "./copy-button.jsx";
import { lazily, useLazy } from "./lazy.js";

const highlighter = lazily(() => import("./highlighter.js"));

const NAMES = {
  bash: "Shell",
  c: "C",
  cpp: "C++",
  html: "HTML",
  java: "Java",
  javascript: "JavaScript",
  js: "JavaScript",
  json: "JSON",
  py: "Python",
  pycon: "Python",
  python: "Python",
  sh: "Shell",
  shell: "Shell",
  sql: "SQL",
  text: "Text",
  xml: "XML",
};

/** A fenced block. `open`: it is still being written. */
export const Code = memo(function Code({ code, language, open }) {
  const name = NAMES[language] ?? (language || "Text");
  return (
    <figure className="stoa-code">
      <figcaption className="stoa-code-head">
        <span>{name}</span>
        <CopyButton text={() => code} />
      </figcaption>
      <pre className="stoa-scroll" role="group" aria-label={`Code: ${name}`} tabIndex={0}>
        <code>
          <Coloured code={code} language={language} open={open} />
        </code>
      </pre>
    </figure>
  );
});

/**
 * Each line is an element of its own, so that a block that grows lays out and paints its new line and no other. While
 * it grows only its finished lines are coloured, once per line and not once per letter.
 */
function Coloured({ code, language, open }) {
  const module = useLazy(highlighter);
  const end = open ? code.lastIndexOf("\n") + 1 : code.length;
  const settled = code.slice(0, end);
  const lines = useMemo(() => linesOf(colour(module, settled, language)), [module, settled, language]);
  const rest = code.slice(end);
  return (
    <>
      {lines.map((pieces, index) => (
        <Line key={index} pieces={pieces} />
      ))}
      {rest && <Line key={lines.length} pieces={[{ text: rest, scope: "" }]} />}
    </>
  );
}

const Line = memo(
  function Line({ pieces }) {
    return (
      <span className="stoa-line">
        {pieces.map(({ text, scope }, index) =>
          scope ? (
            <span key={index} className={scope}>
              {text}
            </span>
          ) : (
            text
          ),
        )}
      </span>
    );
  },
  ({ pieces: before }, { pieces: after }) =>
    before.length === after.length &&
    before.every(({ text, scope }, index) => text === after[index].text && scope === after[index].scope),
);

function colour(module, code, language) {
  try {
    return module?.highlight(code, language) ?? [{ type: "text", value: code }];
  } catch {
    return [{ type: "text", value: code }]; // a grammar that gives up leaves the code as it is
  }
}

/** The highlighter's tree as lines of `{text, scope}`, each line with its line break. */
function linesOf(tree) {
  const lines = [[]];
  const visit = (node, scope) => {
    if (node.type !== "text") {
      const inner = [scope, ...node.properties.className].filter(Boolean).join(" ");
      node.children.forEach((child) => visit(child, inner));
      return;
    }
    for (const text of node.value.match(/[^\n]*\n|[^\n]+/g) ?? []) {
      lines.at(-1).push({ text, scope });
      if (text.endsWith("\n")) lines.push([]);
    }
  };
  tree.forEach((node) => visit(node, ""));
  if (!lines.at(-1).length) lines.pop();
  return lines;
}
