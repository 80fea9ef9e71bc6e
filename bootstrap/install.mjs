/** The locked npm packages, installed again only when the lock changed. */

import { existsSync } from "node:fs";
import { BUN, digest, isDone, markDone, run, say } from "./place.mjs";

export function install() {
  const lock = digest(["package.json", "package-lock.json"]);
  if (isDone("installed", lock) && existsSync(BUN)) return;
  say("installing the locked npm packages (npm ci)");
  if (run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]) !== 0) {
    throw new Error("npm ci failed; its words are above");
  }
  markDone("installed", lock);
}
