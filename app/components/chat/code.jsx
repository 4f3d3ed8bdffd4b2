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

/** While a block grows only its finished lines are coloured, once per line and not once per letter. */
function Coloured({ code, language, open }) {
  const module = useLazy(highlighter);
  const end = open ? code.lastIndexOf("\n") + 1 : code.length;
  const settled = code.slice(0, end);
  const coloured = useMemo(() => colour(module, settled, language), [module, settled, language]);
  return (
    <>
      {coloured}
      {code.slice(end)}
    </>
  );
}

function colour(module, code, language) {
  try {
    return module?.highlight(code, language)?.map(toSpan) ?? code;
  } catch {
    return code; // a grammar that gives up leaves the code as it is
  }
}

function toSpan(node, index) {
  if (node.type === "text") return node.value;
  return (
    <span key={index} className={node.properties.className.join(" ")}>
      {node.children.map(toSpan)}
    </span>
  );
}
