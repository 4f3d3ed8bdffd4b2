// The grammars a course needs: a chunk of its own, loaded with the first block of code in one of them.
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import pythonRepl from "highlight.js/lib/languages/python-repl";
import sql from "highlight.js/lib/languages/sql";
import xml from "highlight.js/lib/languages/xml";
import { createLowlight } from "lowlight";

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  java,
  javascript,
  json,
  python,
  "python-repl": pythonRepl,
  sql,
  xml,
});

/** Code as a tree of `{type: "text", value}` and `{properties: {className}, children}`; null for other languages. */
export function highlight(code, language) {
  return lowlight.registered(language) ? lowlight.highlight(language, code).children : null;
}
