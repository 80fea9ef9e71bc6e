/**
 * Readers of flag values: each throws what commander turns into an error that names flag and value.
 */

import { InvalidArgumentError, Option } from "commander";
import { type Endpoint, EndpointError, parseEndpoint } from "../lib/endpoint.ts";
import { DEFAULT_API_SOCKET } from "../resource/answer.ts";
import { suggestion } from "./nearest.ts";

/** A reader of one of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === text);
    if (word !== undefined) return word;
    throw new InvalidArgumentError(
      `Expected one of ${words.join(", ")}${suggestion(text, words)}.`,
    );
  };
}

/** A reader of a whole decimal number within bounds. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** A reader of text that must say something; `what` names it. */
export function someText(what: string): (text: string) => string {
  return (text) => {
    if (text.trim() !== "") return text;
    throw new InvalidArgumentError(`Expected ${what}.`);
  };
}

/** A reader of an address with a port. */
export function endpoint(text: string): Endpoint {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (error instanceof EndpointError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** `--json`, on every command with an answer. */
export function jsonOption(): Option {
  return new Option("--json", "print the answer as JSON");
}

/** `--api PATH`, on every command that asks the daemon and on the daemon itself. */
export function apiOption(): Option {
  return new Option("--api <path>", "the daemon's API socket")
    .default(DEFAULT_API_SOCKET)
    .argParser(someText("the path of a unix socket"));
}
