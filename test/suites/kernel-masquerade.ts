/** What every Kernel does with masquerading; part of the suite of `kernel.ts`. */

import { beforeEach, describe, expect, test } from "bun:test";
import type { Kernel, Masquerade } from "../../kernel/kernel.ts";
import { type KernelHarness, net } from "./kernel-words.ts";

const POOLS = {
  4: ["10.244.0.0/16", "10.1.2.0/23", "0.0.0.0/0", "10.9.9.9/32"],
  6: ["fd00:10:244::/48", "2001:db8::/29", "::/0", "fd00::7/128"],
} as const;

export function kernelMasqueradeSuite(current: () => KernelHarness): void {
  for (const family of [4, 6] as const) {
    const [wide = "", odd = "", all = "", host = ""] = POOLS[family];
    const masquerade = (sources: readonly string[], exempt: readonly string[]): Masquerade => ({
      family,
      table: "manx-outgoing",
      sources: sources.map(net),
      exempt: exempt.map(net),
    });
    const SOME = masquerade([wide, odd], [wide, odd, host]);
    const NONE = masquerade([], []);

    describe(`masquerading of IPv${family}`, () => {
      let kernel: Kernel;
      beforeEach(() => {
        kernel = current().host;
      });

      test("is there once it has been set, in its own namespace and family alone", () => {
        expect(kernel.hasMasquerade(NONE)).toBe(true);
        expect(kernel.hasMasquerade(SOME)).toBe(false);
        for (let times = 0; times < 2; times++) kernel.setMasquerade(SOME);
        expect(kernel.hasMasquerade(SOME)).toBe(true);
        expect(kernel.hasMasquerade(NONE)).toBe(false);
        expect(current().pod.hasMasquerade(SOME)).toBe(false);
        const other = { ...NONE, family: family === 4 ? 6 : 4 } as const;
        expect(kernel.hasMasquerade(other)).toBe(true);
      });

      for (const [what, other] of [
        ["fewer sources", masquerade([wide], [wide, odd, host])],
        ["other sources", masquerade([wide, host], [wide, odd, host])],
        ["more that is exempt", masquerade([wide, odd], [wide, odd, host, all])],
        ["less that is exempt", masquerade([wide, odd], [wide])],
        ["everybody", masquerade([all], [])],
      ] as const) {
        test(`with ${what} is another one, which takes its place`, () => {
          kernel.setMasquerade(SOME);
          expect(kernel.hasMasquerade(other)).toBe(false);
          kernel.setMasquerade(other);
          expect(kernel.hasMasquerade(other)).toBe(true);
          expect(kernel.hasMasquerade(SOME)).toBe(false);
        });
      }

      test("without sources is none", () => {
        kernel.setMasquerade(NONE);
        expect(kernel.hasMasquerade(NONE)).toBe(true);
        kernel.setMasquerade(SOME);
        kernel.setMasquerade(NONE);
        expect(kernel.hasMasquerade(NONE)).toBe(true);
        expect(kernel.hasMasquerade(SOME)).toBe(false);
      });

      test("takes a closed kernel no more than other requests do", () => {
        kernel.close();
        expect(() => kernel.setMasquerade(SOME)).toThrow("the kernel is closed (EBADF)");
        expect(() => kernel.hasMasquerade(SOME)).toThrow("the kernel is closed (EBADF)");
      });
    });
  }
}
