/**
 * The TCP-MD5 key of a session, from a file of the node or from a Secret.
 *
 * A Secret that is not there is no fault: others may still be about to write it. A session that had its key keeps it;
 * one that never had any is kept down until the Secret is there. None runs without.
 */

import type { Fault } from "../../resource/fault.ts";
import type { KeySource } from "../../resource/password.ts";
import { findKey } from "../../resource/secret.ts";
import { type Context, keyIn, note, remark } from "./context.ts";
import type { PeerPlan } from "./speaker.ts";

/** What a plan says of a session's key. */
export type KeyPlan = Pick<PeerPlan, "key" | "secret" | "keyless">;

/** The key, or why there is none; `complain` is of the field that says where it is. */
export function keyPlan(
  source: KeySource | undefined,
  context: Context,
  complain: (field: "file" | "secretKeyRef", message: string) => Fault,
): KeyPlan {
  if (source === undefined) return {};
  if (source.type === "file") {
    const key = keyIn(source.file, context, (message) => complain("file", message));
    return key === undefined ? {} : { key };
  }
  const refer = (message: string): Fault => complain("secretKeyRef", message);
  const secret = { name: source.name, key: source.key };
  const found = findKey(context.resources.secrets, secret);
  if ("key" in found) return { secret, key: found.key };
  if ("fault" in found) {
    note(context, found.fault(refer));
    return {};
  }
  const known = context.lastKey(secret);
  const consequence =
    known === undefined ? "no session until it is there" : "sessions keep the key that they had";
  remark(context, refer(`${found.missing}: ${consequence}`));
  return known === undefined ? { secret, keyless: found.missing } : { secret, key: known };
}
