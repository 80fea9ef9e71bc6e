/**
 * What objects of Kubernetes are known by.
 */

import * as v from "valibot";
import { partOf } from "./scalar.ts";

/** Without a namespace the text is empty. */
export type ObjectName = { readonly namespace: string; readonly name: string };

/** The fields of every object that mean something to us. */
export const objectFields = {
  metadata: partOf({
    name: v.string("expected a name"),
    namespace: v.optional(v.string("expected a name"), ""),
  }),
};

/** `bgp/keys`, or the name alone where there is no namespace. */
export function formatObjectName({ namespace, name }: ObjectName): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
