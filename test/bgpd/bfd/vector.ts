/** The vectors of `test/vectors/bfd`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AuthenticationSection, ControlPacket } from "../../../bgpd/bfd/packet.ts";
import { fromHex } from "../../../lib/hex.ts";

type Bytes = "password" | "digest" | "data";
type Written<Section> = Section extends unknown
  ? { readonly [Name in keyof Section]: Name extends Bytes ? string : Section[Name] }
  : never;

type Meaning = Omit<ControlPacket, "authentication"> & {
  readonly authentication?: Written<AuthenticationSection>;
};

export type BfdVector = {
  readonly name: string;
  readonly rfc: string;
  readonly hex: string;
  readonly key?: string;
  readonly meaning?: Meaning;
  readonly fault?: string;
};

const FILE = join(import.meta.dir, "../../vectors/bfd/control.json");

export const BFD_VECTORS: readonly BfdVector[] = JSON.parse(readFileSync(FILE, "utf8"));

/** What a vector means, as the codec has it. */
export function packetOf({ authentication, ...rest }: Meaning): ControlPacket {
  return {
    ...rest,
    authentication: authentication === undefined ? undefined : sectionOf(authentication),
  };
}

function sectionOf(written: Written<AuthenticationSection>): AuthenticationSection {
  switch (written.type) {
    case "simple password":
      return { ...written, password: fromHex(written.password) };
    case "unknown":
      return { ...written, data: fromHex(written.data) };
    default:
      return { ...written, digest: fromHex(written.digest) };
  }
}
