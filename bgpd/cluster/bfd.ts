/**
 * Which BFD session goes with a peer: the peer's own fields before the cluster's, and what follows from neither.
 * Pure, but for the keys, which a function that is given reads.
 */

import { BFD_AUTH_TYPES, type BfdSettings } from "../../resource/bfd.ts";
import type { Fault } from "../../resource/fault.ts";
import type { Complain } from "../../resource/resource.ts";
import type { KeyReader } from "./context.ts";
import type { BfdPlan } from "./speaker.ts";

/** Common to most routers: a path counts as failed after 0.9 s. */
const DEFAULT_INTERVAL = 300;
const DEFAULT_DETECT_MULTIPLIER = 3;
/** Any: routers send multihop packets with whatever TTL (RFC 5883 asks for none). */
const DEFAULT_MINIMUM_TTL = 1;

/** One of the two documents that may say something of BFD. */
export type BfdSource = {
  readonly settings: BfdSettings | undefined;
  readonly complain: Complain;
};

/**
 * The session, undefined where none is wanted, or what is wrong with its key. `direct`: the peer is one hop away.
 */
export function planBfd(
  sources: readonly BfdSource[],
  direct: boolean,
  readKey: KeyReader,
): { readonly bfd: BfdPlan | undefined } | { readonly fault: Fault } {
  if (sources.every(({ settings }) => settings === undefined)) return { bfd: undefined };
  const first = <Name extends keyof BfdSettings>(name: Name): BfdSettings[Name] =>
    sources.map(({ settings }) => settings?.[name]).find((value) => value !== undefined);
  if (first("enabled") === false) return { bfd: undefined };
  const bfd = {
    multihop: first("multihop") ?? !direct,
    minimumTtl: first("minimumTtl") ?? DEFAULT_MINIMUM_TTL,
    detectMultiplier: first("detectMultiplier") ?? DEFAULT_DETECT_MULTIPLIER,
    minTransmitInterval: first("minTransmitInterval") ?? DEFAULT_INTERVAL,
    minReceiveInterval: first("minReceiveInterval") ?? DEFAULT_INTERVAL,
    strict: first("strict") ?? false,
    ...(first("ifConnected") === true && !direct ? { ifConnected: true as const } : {}),
  };
  const source = sources.find(({ settings }) => settings?.auth !== undefined);
  if (source?.settings?.auth === undefined) return { bfd };
  const { auth } = source.settings;
  const wrong = (message: string): { readonly fault: Fault } => ({
    fault: source.complain(["spec", "bfd", "auth", "keyFile"], message),
  });
  const key = readKey(auth.keyFile);
  if (typeof key === "string") return wrong(key);
  // RFC 5880 sections 6.7.3 and 6.7.4: the key takes the digest's place.
  const most = auth.type.endsWith("MD5") ? 16 : 20;
  const { length } = key.reveal();
  if (length < 1 || length > most) {
    const message = `the file holds ${length} octets: expected a key of 1 to ${most} for ${auth.type}`;
    return wrong(message);
  }
  const type = BFD_AUTH_TYPES[auth.type];
  return { bfd: { ...bfd, authentication: { type, keyId: auth.keyId, key } } };
}
