import { Fragment, createContext, memo, useContext, useRef } from "react";
import { Blocks } from "./blocks.js";
import { Code } from "./code.jsx";
import { Formula } from "./formula.jsx";
import { safeLink } from "./links.js";
import { parse } from "./markdown.js";
import { mend } from "./mend.js";

/** How to follow a link inside the app without loading the page anew: a function of the address, or null. */
export const Navigate = createContext(null);

/**
 * Markdown as course text (`variant="lesson"`) or as an answer (`"chat"`). Text that grows is parsed block by block:
 * a finished block is never parsed, rendered or mounted again. `open`: more is coming.
 */
export function Prose({ text, variant = "chat", open = false, className = "" }) {
  const blocks = useBlocks(text || "");
  return (
    <div className={`stoa-prose stoa-prose-${variant} ${className}`.trim()}>
      {blocks.map((block, index) => (
        <Block key={index} text={block} variant={variant} open={open && index === blocks.length - 1} />
      ))}
    </div>
  );
}

function useBlocks(text) {
  const blocks = useRef(null);
  blocks.current ??= new Blocks();
  return blocks.current.update(text);
}

const Block = memo(function Block({ text, variant, open }) {
  try {
    const tree = parse(open ? mend(text) : text, { open });
    return children(tree, { variant, open, definitions: definitionsIn(tree) });
  } catch {
    return <p className="stoa-plain">{text}</p>;
  }
});

function definitionsIn(tree) {
  const found = tree.children.filter((node) => node.type === "definition");
  return new Map(found.reverse().map((node) => [node.identifier, node.url]));
}

function children(node, context) {
  return node.children.map((child, index) => {
    const drawn = DRAW[child.type]?.(child, context, index === node.children.length - 1) ?? null;
    return typeof drawn === "string" ? drawn : <Fragment key={index}>{drawn}</Fragment>;
  });
}

const SHORT = 24; // characters of code that stay on one line, even on a phone

/** What each kind of node becomes. What isn't listed, HTML above all, becomes nothing. */
const DRAW = {
  text: ({ value }) => withBreaks(value),
  paragraph: (node, context) => <p>{children(node, context)}</p>,
  heading: (node, context) => (
    <Heading depth={node.depth} variant={context.variant}>
      {children(node, context)}
    </Heading>
  ),
  emphasis: (node, context) => <em>{children(node, context)}</em>,
  strong: (node, context) => <strong>{children(node, context)}</strong>,
  delete: (node, context) => <del>{children(node, context)}</del>,
  inlineCode: ({ value }) => <code className={value.length <= SHORT ? "stoa-short" : undefined}>{value}</code>,
  inlineMath: ({ value, display, open }) => <Formula tex={value} display={display} open={open} />,
  break: () => <br />,
  blockquote: (node, context) => <blockquote>{children(node, context)}</blockquote>,
  thematicBreak: () => <hr />,
  list: (node, context) => drawList(node, context),
  table: (node, context) => <Table node={node} context={context} />,
  math: ({ value, open }) => <Formula tex={value} display open={open} />,
  code: ({ value, lang }, { open }, last) => (
    <Code code={value} language={(lang ?? "").toLowerCase()} open={open && last} />
  ),
  link: (node, context) => <Link href={node.url}>{children(node, context)}</Link>,
  linkReference: (node, context) => (
    <Link href={context.definitions.get(node.identifier) ?? ""}>{children(node, context)}</Link>
  ),
  image: ({ url, alt }) => <Link href={url}>{alt || "image"}</Link>,
  imageReference: ({ identifier, alt }, { definitions }) => (
    <Link href={definitions.get(identifier) ?? ""}>{alt || "image"}</Link>
  ),
};

/** `<br>` is how models break a line inside a table cell; it is the one tag that is understood. */
function withBreaks(value) {
  if (!/<br\s*\/?>/i.test(value)) return value;
  return value.split(/<br\s*\/?>/i).map((part, index) => (
    <Fragment key={index}>
      {index > 0 && <br />}
      {part}
    </Fragment>
  ));
}

// The page's title is the h1. In an answer every heading is one level below its message, whatever the model chose.
function Heading({ depth, variant, children: content }) {
  const Tag = variant === "lesson" ? `h${Math.min(Math.max(depth, 2), 6)}` : "h4";
  return <Tag className={`stoa-h${depth}`}>{content}</Tag>;
}

function drawList(node, context) {
  const Tag = node.ordered ? "ol" : "ul";
  const loose = node.spread || node.children.some((item) => item.spread);
  const tasks = node.children.some((item) => typeof item.checked === "boolean");
  const looks = [loose && "stoa-loose", tasks && "stoa-tasks"].filter(Boolean).join(" ");
  return (
    <Tag start={node.ordered && node.start !== 1 ? node.start : undefined} className={looks || undefined}>
      {node.children.map((item, index) => (
        <li key={index}>
          {typeof item.checked === "boolean" && <Tick done={item.checked} />}
          {loose ? children(item, context) : tight(item, context)}
        </li>
      ))}
    </Tag>
  );
}

function tight(item, context) {
  return item.children.map((child, index) => (
    <Fragment key={index}>{children(child.type === "paragraph" ? child : { children: [child] }, context)}</Fragment>
  ));
}

function Tick({ done }) {
  return <span className="stoa-tick" role="img" aria-label={done ? "Done" : "To do"} data-done={done} />;
}

function Table({ node, context }) {
  const [head, ...rows] = node.children;
  const cells = (row, Tag) =>
    row.children.map((cell, index) => (
      <Tag key={index} className={ALIGN[node.align[index]]} scope={Tag === "th" ? "col" : undefined}>
        {children(cell, context)}
      </Tag>
    ));
  return (
    <div className="stoa-scroll stoa-table" role="group" aria-label="Table" tabIndex={0}>
      <table>
        <thead>
          <tr>{cells(head, "th")}</tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>{cells(row, "td")}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const ALIGN = { left: "stoa-left", center: "stoa-center", right: "stoa-right" };

function Link({ href, children: content }) {
  const navigate = useContext(Navigate);
  const link = safeLink(href);
  if (!link) return content;
  if (link.external) {
    return (
      <a href={link.href} target="_blank" rel="noopener noreferrer nofollow">
        {content}
      </a>
    );
  }
  const follow = (event) => {
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!navigate || !plain || link.href.startsWith("#")) return;
    event.preventDefault();
    navigate(link.href);
  };
  return (
    <a href={link.href} onClick={follow} className={isCitation(content) ? "stoa-cite" : undefined}>
      {content}
    </a>
  );
}

function isCitation(content) {
  return Array.isArray(content) && content.length === 1 && /^\[?\d{1,3}\]?$/.test(content[0]);
}
