// KaTeX, its styles and fonts: a chunk of its own, loaded with the first formula.
import katex from "katex";
import "katex/contrib/mhchem";
import "katex/dist/katex.min.css";

const OPTIONS = {
  throwOnError: true,
  strict: "ignore",
  trust: false, // no links, no images, no classes or styles of the author's choosing
  maxExpand: 500,
  maxSize: 20, // em: nothing may cover the page around it
};

/** Draw a formula into an element; false when the LaTeX is wrong. Builds elements, never parses HTML. */
export function typeset(element, tex, display) {
  const drawn = document.createElement("span");
  try {
    katex.render(tex, drawn, { ...OPTIONS, displayMode: display });
  } catch {
    return false;
  }
  element.replaceChildren(...drawn.childNodes);
  return true;
}
