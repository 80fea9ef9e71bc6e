import { describe, expect, test } from "bun:test";
import { formatEndpoint, parseEndpoint } from "../../lib/endpoint.ts";

describe("an endpoint", () => {
  for (const text of ["127.0.0.1:9179", "0.0.0.0:1", "[::1]:65535", "[fd00::1]:9179"]) {
    test(`${text} is read and written the same`, () => {
      expect(formatEndpoint(parseEndpoint(text))).toBe(text);
    });
  }

  for (const text of [
    "",
    "9179",
    ":9179",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.300:9179",
    "localhost:9179",
    "::1:9179",
    "[127.0.0.1]:9179",
    "[::1]",
    "/run/manx/metrics.sock",
    "http://127.0.0.1:9179",
  ]) {
    test(`${JSON.stringify(text)} is refused, with what was expected`, () => {
      expect(() => parseEndpoint(text)).toThrow(
        `${JSON.stringify(text)} is no address with a port: expected for example 127.0.0.1:9179 or [::1]:9179`,
      );
    });
  }
});
