/**
 * The cluster as its documents describe it, checked: what everything else computes from.
 */

import type { BgpConfiguration, NodeConfiguration } from "./bgp-configuration.ts";
import type { BgpFilter } from "./bgp-filter.ts";
import type { BgpPeer, BgpRange, BgpUnnumbered, BgpWorkloads } from "./bgp-peer.ts";
import type { EndpointIndex } from "./endpoint-slice.ts";
import type { Fault } from "./fault.ts";
import type { IpPool } from "./ip-pool.ts";
import type { IpReservation } from "./ip-reservation.ts";
import type { Node } from "./node.ts";
import type { SecretObject } from "./secret.ts";
import type { ServiceObject } from "./service.ts";

/** Makes a fault of a field of the document that a resource came from. */
export type Complain = (path: readonly (string | number)[], message: string) => Fault;

/** A checked resource and where it was written. */
export type Documented<Resource> = {
  readonly resource: Resource;
  readonly complain: Complain;
};

export type Resources = {
  readonly configuration: Documented<BgpConfiguration> | undefined;
  /** Of single nodes; at most one each. */
  readonly nodeConfigurations: readonly Documented<NodeConfiguration>[];
  readonly nodes: readonly Documented<Node>[];
  readonly peers: readonly Documented<BgpPeer>[];
  /** Of the BGPPeers those that name a range instead of a peer. */
  readonly ranges: readonly Documented<BgpRange>[];
  /** Those that name a link instead. */
  readonly unnumbered: readonly Documented<BgpUnnumbered>[];
  /** Those that select pods instead. */
  readonly workloads: readonly Documented<BgpWorkloads>[];
  readonly filters: readonly Documented<BgpFilter>[];
  readonly pools: readonly Documented<IpPool>[];
  readonly reservations: readonly Documented<IpReservation>[];
  /** Of Kubernetes. */
  readonly secrets: readonly Documented<SecretObject>[];
  readonly services: readonly Documented<ServiceObject>[];
  readonly endpoints: EndpointIndex;
};
