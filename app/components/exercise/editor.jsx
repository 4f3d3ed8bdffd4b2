import { useEffect, useId, useRef, useState } from "react";
import { lazily, useLazy } from "../chat/lazy.js";

const codemirror = lazily(() => import("./codemirror.js"));
const ROWS = 6; // at least

/** Where code is written: a plain field until the editor has come; whoever is typing in that stays in it. */
export function Editor({ text, label, onText, onRun }) {
  const module = useLazy(codemirror);
  const [typing, setTyping] = useState(false);
  const hint = useId();
  const common = { text, label, onText };
  if (!module || typing) {
    return (
      <div className="stoa-editor" onFocus={() => setTyping(true)} onBlur={() => setTyping(false)}>
        <PlainField {...common} />
      </div>
    );
  }
  return (
    <>
      <CodeField {...common} createEditor={module.createEditor} hint={hint} onRun={onRun} />
      <p className="stoa-editor-hint" id={hint}>
        <kbd>Tab</kbd> indents; <kbd>Esc</kbd>, then <kbd>Tab</kbd>, leaves the editor; <kbd>Ctrl</kbd>{" "}
        <kbd>Enter</kbd> runs.
      </p>
    </>
  );
}

function CodeField({ createEditor, text, label, hint, onText, onRun }) {
  const place = useRef(null);
  const editor = useRef(null);
  const latest = useRef({});
  latest.current = { onText, onRun };
  useEffect(() => {
    editor.current = createEditor({
      parent: place.current,
      text,
      attributes: { "aria-label": label, "aria-describedby": hint },
      onText: (next) => latest.current.onText(next),
      onRun: () => latest.current.onRun(),
    });
    return () => editor.current.destroy();
  }, [createEditor]);
  useEffect(() => editor.current.set(text), [text]);
  return <div className="stoa-editor" ref={place} />;
}

function PlainField({ text, label, onText }) {
  return (
    <textarea
      value={text}
      rows={Math.max(ROWS, text.split("\n").length)}
      aria-label={label}
      spellCheck={false}
      autoCapitalize="off"
      onChange={(event) => onText(event.target.value)}
    />
  );
}
