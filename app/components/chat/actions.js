import { createContext, useContext } from "react";

/** What a message can ask of the chat: functions that never change, so that no message re-renders for them. */
export const Actions = createContext(null);
export const useActions = () => useContext(Actions);

/** The nonce of the last failure: whatever was assumed to have worked is taken back when it changes. */
export const FailureNonce = createContext(null);
