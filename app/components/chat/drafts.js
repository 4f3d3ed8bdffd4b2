/**
 * What was written and isn't sent yet, per person and subject: a conversation's message for as long as the tab lives,
 * an exercise's code until its writer signs out or somebody else signs in.
 */

const MESSAGES = { prefix: "stoa:draft:", storage: () => sessionStorage };
const CODE = { prefix: "stoa:code:", storage: () => localStorage };

export const readDraft = (person, conversation) => read(MESSAGES, person, conversation) ?? "";
export const writeDraft = (person, conversation, text) => write(MESSAGES, person, conversation, text || null);

/** The code that was being written, null when nothing was. */
export const readCode = (person, exercise) => read(CODE, person, exercise) ?? null;
/** Keep code; null forgets it. */
export const writeCode = (person, exercise, code) => write(CODE, person, exercise, code);

/** Forget the drafts of everyone but `person`; of everyone when there is nobody. */
export function clearDrafts(person = "") {
  for (const kind of [MESSAGES, CODE]) {
    attempt(() => {
      const own = person && `${kind.prefix}${person}:`;
      Object.keys(kind.storage())
        .filter((name) => name.startsWith(kind.prefix) && !(own && name.startsWith(own)))
        .forEach((name) => kind.storage().removeItem(name));
    });
  }
}

function read({ prefix, storage }, person, subject) {
  return person ? attempt(() => storage().getItem(`${prefix}${person}:${subject}`)) : undefined;
}

function write({ prefix, storage }, person, subject, text) {
  if (!person) return;
  const name = `${prefix}${person}:${subject}`;
  attempt(() => (text === null ? storage().removeItem(name) : storage().setItem(name, text)));
}

function attempt(act) {
  try {
    return act();
  } catch {
    return undefined; // storage is full or forbidden: a draft isn't worth an error
  }
}
