import { useEffect, useState } from "react";
import { copy } from "./clipboard.js";
import { prepareToSay, say } from "./say.js";

const SHOWN_FOR = 2000; // ms

/** Copies what `text()` gives, and says so. */
export function CopyButton({ text }) {
  const [result, setResult] = useState("");
  useEffect(prepareToSay, []);
  useEffect(() => {
    if (!result) return undefined;
    const timer = setTimeout(() => setResult(""), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [result]);
  const copyText = async () => {
    const outcome = (await copy(text())) ? "Copied" : "Not copied";
    setResult(outcome);
    say(outcome);
  };
  return (
    <button type="button" className="stoa-action" onClick={copyText}>
      <span className="stoa-copy">{result || "Copy"}</span>
    </button>
  );
}
