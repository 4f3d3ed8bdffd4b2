/**
 * What was expected beside what came, line by line.
 *
 * `compare(expected, actual)` gives both as lines `{text, differs}`, the number of the first line that differs (1 for
 * the first), and `onlySpace`: they would be the same without spaces, tabs and line breaks.
 */

const LONGEST = 400; // lines on a side that are aligned; longer texts are compared line by line as they stand

export function compare(expected, actual) {
  const [left, right] = [linesOf(expected), linesOf(actual)];
  const kept = Math.max(left.length, right.length) <= LONGEST ? alignment(left, right) : inPlace(left, right);
  const expectedLines = left.map((text, index) => ({ text, differs: !kept.left.has(index) }));
  const actualLines = right.map((text, index) => ({ text, differs: !kept.right.has(index) }));
  return {
    expected: expectedLines,
    actual: actualLines,
    first: firstDifference(left, right),
    onlySpace: expected !== actual && without(expected) === without(actual),
  };
}

/** `text` with its spaces, tabs and carriage returns drawn. */
export function drawSpaces(text) {
  return text.replaceAll(" ", "·").replaceAll("\t", "→").replaceAll("\r", "␍");
}

/** Every line with its line break, drawn as ⏎ where spaces are drawn: a missing last one is a difference too. */
function linesOf(text) {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

function firstDifference(left, right) {
  const longest = Math.max(left.length, right.length);
  for (let index = 0; index < longest; index += 1) if (left[index] !== right[index]) return index + 1;
  return 0;
}

function without(text) {
  return text.replace(/\s+/g, "");
}

function inPlace(left, right) {
  const same = new Set(left.flatMap((text, index) => (right[index] === text ? [index] : [])));
  return { left: same, right: same };
}

/** The lines of a longest common subsequence, by their places on each side. */
function alignment(left, right) {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      lengths[i][j] =
        left[i] === right[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const kept = { left: new Set(), right: new Set() };
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    if (left[i] === right[j]) {
      kept.left.add(i++);
      kept.right.add(j++);
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i += 1;
    else j += 1;
  }
  return kept;
}
