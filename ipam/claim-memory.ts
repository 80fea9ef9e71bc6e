/** Claims in memory: the twin of `claim-files.ts` for tests and simulations. */

import { comparePrefix, formatPrefix } from "../lib/prefix.ts";
import { type Claim, type ClaimStore, equalClaim } from "./claim.ts";

/** An empty store, for any number of nodes of one process. */
export function memoryClaims(): ClaimStore {
  const claims = new Map<string, Claim>();
  return {
    name: "memory",
    list: async () => ({
      claims: [...claims.values()].sort((a, b) => comparePrefix(a.block, b.block)),
      unreadable: [],
    }),

    async create(claim) {
      const key = formatPrefix(claim.block);
      if (claims.has(key)) return false;
      claims.set(key, claim);
      return true;
    },

    async release(claim) {
      const key = formatPrefix(claim.block);
      const found = claims.get(key);
      if (found === undefined || !equalClaim(found, claim)) return false;
      return claims.delete(key);
    },
  };
}
