/**
 * Records that were put aside: `quarantine/<address>@<holder's name>`, beside `holder/` and `address/`.
 *
 * Such a file was its holder's in `holder/` until one rename(2), and is the same file as `address/<address>` still: the
 * address stays taken whatever became of the content, and the holder is free to get another one. What can be known
 * without the content stands in the name. The folder is made with the first such file, so that everybody else pays
 * nothing for it.
 */

import { type Address, formatAddress, tryParseAddress } from "../lib/address.ts";
import { codeOf, type Files } from "./files.ts";

/** Of a file's name, in bytes. */
export const NAME_MAX = 255;

export type PutAside = {
  readonly path: string;
  readonly address: Address;
  /** The name that it had in `holder/`. */
  readonly holderName: string;
};

export type Quarantine = {
  readonly folder: string;
  /** Whether anything was ever put aside: one system call, for those who look on their way. */
  isMade(): boolean;
  /** What is there; none without the folder. */
  list(): PutAside[];
  /** Move `path`, a file of `holder/`, which takes the address. */
  admit(path: string, address: Address, holderName: string): PutAside;
  /** A name here for `path`, a file of another folder's, besides those that it has. */
  add(path: string, address: Address, holderName: string): void;
};

/** The quarantine of one network's records, whose folder is `root`. */
export function quarantineOf(files: Files, root: string): Quarantine {
  const folder = `${root}/quarantine`;
  const withFolder = (act: () => void): void => {
    try {
      act();
    } catch (fault) {
      if (codeOf(fault) !== "ENOENT") throw fault;
      files.makeFolder(folder);
      act();
    }
  };
  return {
    folder,
    isMade: () => files.links(folder) !== undefined,
    list: () =>
      files.list(folder).flatMap((name) => {
        const at = name.indexOf("@");
        const address = tryParseAddress(name.slice(0, at));
        if (address === undefined) return [];
        return [{ path: `${folder}/${name}`, address, holderName: name.slice(at + 1) }];
      }),
    admit(path, address, holderName) {
      const other = `${folder}/${nameOf(address, holderName)}`;
      withFolder(() => files.rename(path, other));
      return { path: other, address, holderName };
    },
    add(path, address, holderName) {
      const other = `${folder}/${nameOf(address, holderName)}`;
      if (!files.isSame(path, other)) withFolder(() => files.link(path, other));
    },
  };
}

/** Where there is no room for the holder's name, its digest as in `holder/`. */
function nameOf(address: Address, holderName: string): string {
  const name = `${formatAddress(address)}@${holderName}`;
  return name.length <= NAME_MAX ? name : `${formatAddress(address)}@${digestOf(holderName)}`;
}

/** What stands for a holder's name that is too long for a file's. */
export function digestOf(name: string): string {
  return `:${new Bun.CryptoHasher("sha256").update(name).digest("hex")}`;
}
