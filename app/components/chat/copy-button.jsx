import { useEffect, useState } from "react";
import { copy } from "./clipboard.js";

const SHOWN_FOR = 2000; // ms

/** Copies what `text()` gives, and says so. */
export function CopyButton({ text, className = "stoa-action" }) {
  const [result, setResult] = useState("");
  useEffect(() => {
    if (!result) return undefined;
    const timer = setTimeout(() => setResult(""), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [result]);
  const copyText = async () => setResult((await copy(text())) ? "Copied" : "Not copied");
  return (
    <button type="button" className={className} onClick={copyText}>
      <span className="stoa-copy" aria-live="polite">
        {result || "Copy"}
      </span>
    </button>
  );
}
