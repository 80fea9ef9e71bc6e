/**
 * The kinds of documents, one row each.
 */

import type * as v from "valibot";
import {
  BGP_CONFIGURATION_NOT_HONOURED,
  bgpConfigurationSpec,
  NODE_PREFIX,
  nodeConfigurationSpec,
} from "./bgp-configuration.ts";
import { bgpFilterSpec } from "./bgp-filter.ts";
import { BGP_PEER_NOT_HONOURED, bgpPeerSpec } from "./bgp-peer.ts";
import { IP_POOL_NOT_HONOURED, ipPoolSpec } from "./ip-pool.ts";
import { IP_RESERVATION_NOT_HONOURED, ipReservationSpec } from "./ip-reservation.ts";
import { NODE_NOT_HONOURED, nodeSpec } from "./node.ts";
import type { NotHonouredFields } from "./not-honoured.ts";

export type Kind = keyof typeof KINDS;

type Row = {
  readonly spec: v.GenericSchema;
  /** Fields of Calico's that this version does not honour. */
  readonly notHonoured: NotHonouredFields;
};

/** Of such a kind everything is honoured. */
const NOTHING: Row["notHonoured"] = {};

export const KINDS = {
  BGPConfiguration: { spec: bgpConfigurationSpec, notHonoured: BGP_CONFIGURATION_NOT_HONOURED },
  BGPFilter: { spec: bgpFilterSpec, notHonoured: NOTHING },
  BGPPeer: { spec: bgpPeerSpec, notHonoured: BGP_PEER_NOT_HONOURED },
  IPPool: { spec: ipPoolSpec, notHonoured: IP_POOL_NOT_HONOURED },
  IPReservation: { spec: ipReservationSpec, notHonoured: IP_RESERVATION_NOT_HONOURED },
  Node: { spec: nodeSpec, notHonoured: NODE_NOT_HONOURED },
} as const satisfies Record<string, Row>;

/** What a document of this kind and name must have for a spec. */
export function specSchemaOf(kind: Kind, name: unknown): v.GenericSchema {
  const isOfNode = typeof name === "string" && name.startsWith(NODE_PREFIX);
  return kind === "BGPConfiguration" && isOfNode ? nodeConfigurationSpec : KINDS[kind].spec;
}

/** Whether a document's `kind` is one that we know. */
export function isKind(text: unknown): text is Kind {
  return typeof text === "string" && Object.hasOwn(KINDS, text);
}
