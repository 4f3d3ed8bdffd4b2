// What Reflex imports. Everything else is reached from here by relative imports.
import { useCallback } from "react";
import { useNavigate } from "react-router";
import "./chat.css";
import { Chat as TheChat } from "./chat.jsx";
import { Navigate, Prose as TheProse } from "./prose.jsx";

export { clearDrafts } from "./drafts.js";

export function Prose(props) {
  return (
    <InsideApp>
      <TheProse {...props} />
    </InsideApp>
  );
}

export function Chat(props) {
  return (
    <InsideApp>
      <TheChat {...props} />
    </InsideApp>
  );
}

function InsideApp({ children }) {
  const navigate = useNavigate();
  const follow = useCallback((href) => void navigate(href), [navigate]);
  return <Navigate value={follow}>{children}</Navigate>;
}
