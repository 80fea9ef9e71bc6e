/**
 * Calico's label selectors: `rack == 'a' && has(bgp) || role in {'edge', 'core'}`.
 *
 *     or      = and { "||" and }
 *     and     = not { "&&" not }
 *     not     = { "!" } atom
 *     atom    = "(" or ")" | "all()" | "global()" | "has(" label ")" | label comparison
 *     comparison = "==" text | "!=" text | "in" set | "not in" set
 *                | "contains" text | "starts with" text | "ends with" text
 */

export type Labels = Readonly<Record<string, string>>;

/** A compiled selector: whether it selects something with these labels. */
export type Selector = (labels: Labels) => boolean;

/** The text is no selector; the message has the position (from 1) and what was expected there. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

type Token = { readonly text: string; readonly at: number };

/** Parentheses and negations within one another; nobody writes so many by hand. */
const MOST_NESTED = 100;

const TOKEN = /\s*(?:(\|\||&&|==|!=|[!(){},])|('[^']*'|"[^"]*")|([A-Za-z0-9_./-]+))/y;

/** Compile a selector; the empty one selects everything. Throws `SelectorError`. */
export function parseSelector(text: string): Selector {
  if (text.trim() === "") return () => true;
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Selector {
    const selector = this.#or();
    if (this.#peek() !== undefined) this.#fail("&&, || or the end");
    return selector;
  }

  #or(): Selector {
    const parts = [this.#and()];
    while (this.#take("||")) parts.push(this.#and());
    return (labels) => parts.some((part) => part(labels));
  }

  #and(): Selector {
    const parts = [this.#not()];
    while (this.#take("&&")) parts.push(this.#not());
    return (labels) => parts.every((part) => part(labels));
  }

  #not(): Selector {
    if (!this.#take("!")) return this.#atom();
    const inner = this.#nested(() => this.#not());
    return (labels) => !inner(labels);
  }

  #nested(parse: () => Selector): Selector {
    if (++this.#depth > MOST_NESTED) this.#fail(`at most ${MOST_NESTED} levels`);
    const inner = parse();
    this.#depth--;
    return inner;
  }

  #atom(): Selector {
    if (this.#take("(")) {
      const inner = this.#nested(() => this.#or());
      this.#expect(")");
      return inner;
    }
    const word = this.#word("a label, has(LABEL), all(), ! or (");
    if (this.#peek() !== "(") return this.#comparison(word);
    this.#expect("(");
    if (word === "all" || word === "global") {
      this.#expect(")");
      return () => true;
    }
    if (word !== "has") this.#fail("all() or has(LABEL)", -2);
    const label = this.#word("a label");
    this.#expect(")");
    return (labels) => Object.hasOwn(labels, label);
  }

  #comparison(label: string): Selector {
    if (this.#take("==")) {
      const value = this.#string();
      return (labels) => labelOf(labels, label) === value;
    }
    if (this.#take("!=")) {
      const value = this.#string();
      return (labels) => labelOf(labels, label) !== value;
    }
    if (this.#take("in")) {
      const values = this.#set();
      return (labels) =>
        values.includes(labelOf(labels, label) ?? "") && Object.hasOwn(labels, label);
    }
    if (this.#take("not")) {
      this.#expect("in");
      const values = this.#set();
      return (labels) => !(Object.hasOwn(labels, label) && values.includes(labels[label] ?? ""));
    }
    if (this.#take("contains")) {
      const part = this.#string();
      return (labels) => labelOf(labels, label)?.includes(part) === true;
    }
    if (this.#take("starts")) {
      this.#expect("with");
      const part = this.#string();
      return (labels) => labelOf(labels, label)?.startsWith(part) === true;
    }
    if (this.#take("ends")) {
      this.#expect("with");
      const part = this.#string();
      return (labels) => labelOf(labels, label)?.endsWith(part) === true;
    }
    return this.#fail("==, !=, in, not in, contains, starts with or ends with");
  }

  #set(): string[] {
    this.#expect("{");
    const values: string[] = [];
    if (this.#take("}")) return values;
    do values.push(this.#string());
    while (this.#take(","));
    this.#expect("}");
    return values;
  }

  #string(): string {
    const token = this.#peek();
    if (token === undefined || !/^['"]/.test(token)) this.#fail("text in quotes");
    this.#next++;
    return token.slice(1, -1);
  }

  #word(what: string): string {
    const token = this.#peek();
    if (token === undefined || !/^[A-Za-z0-9_./-]/.test(token)) this.#fail(what);
    this.#next++;
    return token;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next]?.text;
  }

  #take(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(text);
  }

  #fail(expected: string, offset = 0): never {
    const token = this.#tokens[this.#next + offset];
    const position = (token?.at ?? this.#text.length) + 1;
    const found = token === undefined ? "the end" : token.text;
    throw new SelectorError(`at character ${position}: found ${found}, expected ${expected}`);
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const token = found?.[1] ?? found?.[2] ?? found?.[3];
    if (found === null || token === undefined) {
      const rest = text.slice(at).trimStart();
      throw new SelectorError(
        `at character ${text.length - rest.length + 1}: found ${rest[0]}, expected a label, text in quotes or an operator`,
      );
    }
    tokens.push({ text: token, at: TOKEN.lastIndex - token.length });
  }
  return tokens;
}

function labelOf(labels: Labels, label: string): string | undefined {
  return Object.hasOwn(labels, label) ? labels[label] : undefined;
}
