/**
 * `password` of a BGPPeer and `nodeMeshPassword`: where a TCP-MD5 key is, in a file of the node or in a Secret.
 */

import * as v from "valibot";
import { booleanSchema, mapOf, nameSchema } from "./scalar.ts";

/** A key of a Secret. */
export type SecretReference = { readonly name: string; readonly key: string };

export type KeySource =
  | { readonly type: "file"; readonly file: string }
  | ({ readonly type: "secret" } & SecretReference);

const EITHER =
  "expected file, the absolute path of a file that only its owner can read, or secretKeyRef, a Secret's name and key";

const keySchema = v.pipe(
  v.string("expected a key of the Secret"),
  v.regex(/^[-._a-zA-Z0-9]{1,253}$/, "expected a key of the Secret: letters, digits, -, _ and ."),
);

/** Either of the two. What `optional` says of a Secret changes nothing: without its key there is no session. */
export const passwordSchema = v.pipe(
  mapOf({
    file: v.optional(
      v.pipe(
        v.string("expected the absolute path of a file that only its owner can read"),
        v.check(
          (path) => path.startsWith("/"),
          "expected an absolute path, such as /etc/manx/tor.key",
        ),
      ),
    ),
    secretKeyRef: v.optional(
      mapOf({ name: nameSchema, key: keySchema, optional: v.optional(booleanSchema) }),
    ),
  }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): KeySource => {
    const { file, secretKeyRef } = value;
    if (file !== undefined && secretKeyRef === undefined) return { type: "file", file };
    if (file === undefined && secretKeyRef !== undefined) {
      const { name, key } = secretKeyRef;
      return { type: "secret", name, key };
    }
    addIssue({ message: file === undefined ? `missing: ${EITHER}` : `${EITHER}, not both` });
    return NEVER;
  }),
);
