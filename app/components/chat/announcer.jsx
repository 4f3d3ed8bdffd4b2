import { useEffect, useState, useSyncExternalStore } from "react";
import { plain } from "./plain.js";

const noSubscription = () => () => {};

/** Says, apart from the log and once each: that an answer is coming, and what it was. */
export function Announcer({ live, message }) {
  const lost = useSyncExternalStore(live?.subscribe ?? noSubscription, () => Boolean(live?.snapshot.lost), () => false);
  const ended = useSyncExternalStore(live?.subscribe ?? noSubscription, () => Boolean(live?.ended), () => false);
  const [said, setSaid] = useState("");
  const status = message?.status;
  useEffect(() => {
    if (!live) return;
    if (lost) setSaid("Connection lost, retrying…");
    else if (!ended) setSaid("Answering…");
    else setSaid((before) => result(live, message) || before);
  }, [live, lost, ended, status]); // eslint-disable-line react-hooks/exhaustive-deps -- once per change of status
  return (
    <div className="stoa-sr" role="status" aria-live="polite">
      {said}
    </div>
  );
}

function result({ snapshot }, message) {
  if (snapshot.status === "gone") {
    const settled = message && message.status !== "queued" && message.status !== "streaming";
    return settled ? outcome(message.status, message.content, message.error) : "";
  }
  return outcome(snapshot.status, snapshot.text, snapshot.error);
}

function outcome(status, text, error) {
  if (status === "failed") return error || "The tutor couldn't answer.";
  if (status === "interrupted") return "The answer was interrupted.";
  if (status === "stopped") return `Stopped. ${plain(text)}`;
  return plain(text);
}
