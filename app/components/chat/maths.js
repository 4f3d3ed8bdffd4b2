/**
 * Maths for micromark: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, as a syntax extension and its mdast counterpart.
 *
 * Being part of the tokenizer it never sees the inside of code. A single dollar follows pandoc's rule
 * (https://pandoc.org/MANUAL.html#extension-tex_math_dollars): no white space after the opening one, none before
 * the closing one, and no digit after that, so prices stay text.
 */

const DOLLAR = 36;
const BACKSLASH = 92;
const CLOSER_OF = { 40: 41, 91: 93 }; // ( and [ after a backslash
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

const isEol = (code) => code !== null && code < -2;
const isSpace = (code) => code === -2 || code === -1 || code === 32;
const isDigit = (code) => code >= 48 && code <= 57;

/**
 * `open`: the text is still being written, so a formula without its end is one; but not after a single dollar.
 * `display`: whether a formula can be a block of its own.
 */
export function mathsSyntax({ open = false, display = true } = {}) {
  const block = { name: "mathFlow", concrete: true, tokenize: tokenizeDisplay(open) };
  const dollars = { name: "mathText", tokenize: tokenizeDollars(open), previous: notAfterDollar };
  const brackets = { name: "mathText", tokenize: tokenizeBrackets(open) };
  return {
    flow: display ? { [DOLLAR]: block, [BACKSLASH]: block } : {},
    text: { [DOLLAR]: dollars, [BACKSLASH]: brackets },
  };
}

/** Makes nodes `{type: "math", value, open}` and `{type: "inlineMath", value, display, open}`. */
export const mathsFromMarkdown = {
  enter: {
    mathFlow(token) {
      this.enter({ type: "math", value: "" }, token);
      this.buffer();
    },
    mathText(token) {
      this.enter({ type: "inlineMath", value: "" }, token);
      this.buffer();
    },
  },
  exit: {
    mathFlow(token) {
      const value = this.resume().trim();
      Object.assign(this.stack.at(-1), { value, open: Boolean(token._open) });
      this.exit(token);
    },
    mathText(token) {
      const value = this.resume().trim();
      const display = /^(\$\$|\\\[)/.test(this.sliceSerialize(token));
      Object.assign(this.stack.at(-1), { value, display, open: Boolean(token._open) });
      this.exit(token);
    },
    mathFlowValue: exitValue,
    mathTextData: exitValue,
  },
};

function exitValue(token) {
  this.config.enter.data.call(this, token);
  this.config.exit.data.call(this, token);
}

function notAfterDollar(code) {
  return code !== DOLLAR || this.events.at(-1)[1].type === "characterEscape";
}

function tokenizeDollars(open) {
  return function tokenize(effects, ok, nok) {
    let double = false;
    let afterSpace = false;
    let whole;
    let token;
    return (code) => {
      whole = effects.enter("mathText");
      effects.enter("mathTextSequence");
      effects.consume(code);
      return second;
    };

    function second(code) {
      if (code !== DOLLAR) return opened(code);
      double = true;
      effects.consume(code);
      return (next) => (next === DOLLAR ? nok(next) : opened(next));
    }

    function opened(code) {
      if (!double && (code === null || isEol(code) || isSpace(code))) return nok(code);
      effects.exit("mathTextSequence");
      return between(code);
    }

    function between(code) {
      if (code === null) return open && double ? endOpen(effects, ok, whole)(code) : nok(code);
      if (isEol(code)) {
        afterSpace = true;
        consumeEol(effects, code);
        return between;
      }
      if (code === DOLLAR) return close(code);
      effects.enter("mathTextData");
      return data(code);
    }

    function data(code) {
      if (code === null || isEol(code) || code === DOLLAR) {
        effects.exit("mathTextData");
        return between(code);
      }
      afterSpace = isSpace(code);
      effects.consume(code);
      return code === BACKSLASH ? escaped : data;
    }

    function escaped(code) {
      if (code !== DOLLAR && code !== BACKSLASH) return data(code);
      effects.consume(code);
      return data;
    }

    function close(code) {
      if (!double && afterSpace) return nok(code);
      token = effects.enter("mathTextSequence");
      effects.consume(code);
      return double ? closeSecond : closed;
    }

    function closeSecond(code) {
      if (code === DOLLAR) {
        effects.consume(code);
        return closed;
      }
      token.type = "mathTextData"; // a lone dollar inside $$…$$
      return data(code);
    }

    function closed(code) {
      if (!double && isDigit(code)) return nok(code);
      effects.exit("mathTextSequence");
      effects.exit("mathText");
      return ok(code);
    }
  };
}

function tokenizeBrackets(open) {
  return function tokenize(effects, ok, nok) {
    let closer;
    let whole;
    let token;
    return (code) => {
      whole = effects.enter("mathText");
      effects.enter("mathTextSequence");
      effects.consume(code);
      return opener;
    };

    function opener(code) {
      closer = CLOSER_OF[code];
      if (!closer) return nok(code);
      effects.consume(code);
      effects.exit("mathTextSequence");
      return between;
    }

    function between(code) {
      if (code === null) return open ? endOpen(effects, ok, whole)(code) : nok(code);
      if (isEol(code)) {
        consumeEol(effects, code);
        return between;
      }
      if (code === BACKSLASH) {
        token = effects.enter("mathTextSequence");
        effects.consume(code);
        return afterBackslash;
      }
      effects.enter("mathTextData");
      return data(code);
    }

    function data(code) {
      if (code === null || isEol(code) || code === BACKSLASH) {
        effects.exit("mathTextData");
        return between(code);
      }
      effects.consume(code);
      return data;
    }

    function afterBackslash(code) {
      if (code === closer) {
        effects.consume(code);
        effects.exit("mathTextSequence");
        effects.exit("mathText");
        return ok;
      }
      token.type = "mathTextData";
      if (code !== BACKSLASH) return data(code);
      effects.consume(code);
      return data;
    }
  };
}

function endOpen(effects, ok, whole) {
  whole._open = true;
  effects.exit("mathText");
  return ok;
}

/**
 * A display formula that begins a line. With its opener alone on the line it may hold blank lines and interrupt a
 * paragraph; otherwise it ends with its paragraph. Anything after the closer makes it a paragraph with maths in it.
 */
function tokenizeDisplay(open) {
  return function tokenize(effects, ok, nok) {
    const self = this;
    let dollar;
    let alone = true;
    let empty = true; // the line so far
    let whole;
    let token;
    return (code) => {
      dollar = code === DOLLAR;
      whole = effects.enter("mathFlow");
      effects.enter("mathFlowFence");
      effects.consume(code);
      return opener;
    };

    function opener(code) {
      if (code !== (dollar ? DOLLAR : OPEN_BRACKET)) return nok(code);
      effects.consume(code);
      return opened;
    }

    function opened(code) {
      if (dollar && code === DOLLAR) return nok(code);
      if (isSpace(code)) {
        effects.consume(code);
        return opened;
      }
      effects.exit("mathFlowFence");
      alone = code === null || isEol(code);
      if (self.interrupt) return alone ? ok(code) : nok(code);
      empty = false;
      return between(code);
    }

    function between(code) {
      if (code === null) return unclosed(code);
      if (isEol(code)) {
        if (empty && !alone) return nok(code);
        return effects.attempt(nextLine, lineStart, unclosed)(code);
      }
      if (code === (dollar ? DOLLAR : BACKSLASH)) {
        token = effects.enter("mathFlowFence");
        effects.consume(code);
        return afterCloser;
      }
      effects.enter("mathFlowValue");
      return value(code);
    }

    function lineStart(code) {
      empty = true;
      return between(code);
    }

    function value(code) {
      if (code === null || isEol(code) || code === (dollar ? DOLLAR : BACKSLASH)) {
        effects.exit("mathFlowValue");
        return between(code);
      }
      if (!isSpace(code)) empty = false;
      effects.consume(code);
      return dollar && code === BACKSLASH ? escaped : value;
    }

    function escaped(code) {
      if (code !== DOLLAR && code !== BACKSLASH) return value(code);
      effects.consume(code);
      return value;
    }

    function afterCloser(code) {
      if (code === (dollar ? DOLLAR : CLOSE_BRACKET)) {
        effects.consume(code);
        return closed;
      }
      token.type = "mathFlowValue";
      empty = false;
      if (code !== BACKSLASH) return value(code);
      effects.consume(code);
      return value;
    }

    function closed(code) {
      if (isSpace(code)) {
        effects.consume(code);
        return closed;
      }
      if (code !== null && !isEol(code)) return nok(code);
      effects.exit("mathFlowFence");
      effects.exit("mathFlow");
      return ok(code);
    }

    function unclosed(code) {
      if (!open) return nok(code);
      whole._open = true;
      effects.exit("mathFlow");
      return ok(code);
    }
  };
}

/** The next line, if it belongs to the same container. */
const nextLine = {
  partial: true,
  tokenize(effects, ok, nok) {
    const self = this;
    return (code) => {
      consumeEol(effects, code);
      return (next) => (self.parser.lazy[self.now().line] ? nok(next) : ok(next));
    };
  },
};

function consumeEol(effects, code) {
  effects.enter("lineEnding");
  effects.consume(code);
  effects.exit("lineEnding");
}
