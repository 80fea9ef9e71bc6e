/**
 * Claims as files of a folder that the nodes share, one a block: `10.244.1.0_24`, which says whose it is.
 *
 * A claim is written whole to a name of its own and then linked to its block's: link(2) takes the block, or fails
 * with EEXIST. So no claim is ever torn, and there is no lock that a dead node could leave. What a killed one leaves
 * is a file whose name begins with a dot, which nobody looks at; the node removes its own when it opens the folder
 * the next time.
 *
 * Everything is asynchronous: the folder may be another machine's, and the speaker must go on while that is away.
 */

import { link, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { AddressError } from "../lib/address.ts";
import {
  comparePrefix,
  equalPrefix,
  formatPrefix,
  type Prefix,
  parsePrefix,
} from "../lib/prefix.ts";
import {
  type Claim,
  type ClaimStore,
  decodeClaim,
  encodeClaim,
  equalClaim,
  type UnreadableClaim,
} from "./claim.ts";
import { codeOf } from "./files.ts";

/**
 * The store in `folder`, which must be there: a mount that is missing must not look like an empty one. `node` names
 * what this process writes in between; no two processes at once may have the same.
 */
export function fileClaims(folder: string, node: string): ClaimStore {
  const own = `.${node}:`;
  let serial = 0;
  let isSwept = false;
  const temporary = (): string => join(folder, `${own}${process.pid}.${++serial}`);
  const pathOf = (block: Prefix): string => join(folder, nameOf(block));

  const named = <Value>(act: () => Promise<Value>): Promise<Value> =>
    act().catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `the claims in ${folder} cannot be used: ${reason}: the folder must be there and writable`,
        { cause },
      );
    });

  /** What this node left when it was killed; a folder has one daemon of a node. */
  const sweep = async (): Promise<void> => {
    if (isSwept) return;
    isSwept = true;
    const left = (await readdir(folder)).filter((name) => name.startsWith(own));
    for (const name of left) await remove(join(folder, name));
  };

  return {
    name: folder,

    list: () =>
      named(async () => {
        await sweep();
        const claims: Claim[] = [];
        const unreadable: UnreadableClaim[] = [];
        for (const name of await readdir(folder)) {
          const block = blockOf(name);
          if (block === undefined) continue;
          const place = join(folder, name);
          const found = await readClaim(place, block);
          if (found === undefined) continue;
          if ("reason" in found) unreadable.push({ ...found, place, block });
          else claims.push(found);
        }
        claims.sort((a, b) => comparePrefix(a.block, b.block));
        return { claims, unreadable };
      }),

    create: (claim) =>
      named(async () => {
        await sweep();
        const written = temporary();
        try {
          await writeWhole(written, encodeClaim(claim));
          return await linkOnce(written, pathOf(claim.block));
        } finally {
          await remove(written);
        }
      }),

    release: (claim) =>
      named(async () => {
        await sweep();
        const path = pathOf(claim.block);
        if (!(await isClaim(path, claim))) return false;
        // Somebody may have put another in its place since: what is taken away is looked at again.
        const away = temporary();
        try {
          await rename(path, away);
        } catch (fault) {
          if (codeOf(fault) === "ENOENT") return false;
          throw fault;
        }
        const isMine = await isClaim(away, claim);
        if (!isMine) await linkOnce(away, path);
        await remove(away);
        return isMine;
      }),
  };
}

/** `10.244.1.0_24`: a name cannot have a slash. */
function nameOf(block: Prefix): string {
  return formatPrefix(block).replace("/", "_");
}

/** The block that a name is of; undefined for whatever else lies in the folder. */
function blockOf(name: string): Prefix | undefined {
  try {
    return parsePrefix(name.replace("_", "/"));
  } catch (fault) {
    if (fault instanceof AddressError) return undefined;
    throw fault;
  }
}

/** Undefined: it was released since the folder was read. */
async function readClaim(
  path: string,
  block: Prefix,
): Promise<Claim | { readonly reason: string } | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (fault) {
    if (codeOf(fault) === "ENOENT") return undefined;
    throw fault;
  }
  try {
    const claim = decodeClaim(text);
    if (equalPrefix(claim.block, block)) return claim;
    return { reason: `it is of ${formatPrefix(claim.block)} by its content` };
  } catch (fault) {
    return { reason: fault instanceof Error ? fault.message : String(fault) };
  }
}

async function isClaim(path: string, claim: Claim): Promise<boolean> {
  const found = await readClaim(path, claim.block);
  return found !== undefined && !("reason" in found) && equalClaim(found, claim);
}

/** The name comes to be with the text on the disk: a machine that loses its power leaves no empty claim. */
async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** False when the name is taken. A network's file system may make the link, lose the answer, and say EEXIST. */
async function linkOnce(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (fault) {
    if (codeOf(fault) !== "EEXIST") throw fault;
    return (await stat(existing)).nlink > 1;
  }
}

/** One that is not there is no fault. */
async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (fault) {
    if (codeOf(fault) !== "ENOENT") throw fault;
  }
}
