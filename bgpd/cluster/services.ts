/**
 * Which addresses of Services a node announces by themselves, beside or instead of their ranges, as Calico decides it.
 */

import { type Address, bitsOf, equalAddress, formatAddress } from "../../lib/address.ts";
import {
  comparePrefix,
  containsAddress,
  formatPrefix,
  hostPrefix,
  type Prefix,
} from "../../lib/prefix.ts";
import { type BgpConfiguration, defaultConfiguration } from "../../resource/bgp-configuration.ts";
import type { EndpointIndex } from "../../resource/endpoint-slice.ts";
import type { Node } from "../../resource/node.ts";
import { formatObjectName } from "../../resource/object-name.ts";
import type { Resources } from "../../resource/resource.ts";
import { allRanges, type ServiceAddress, type ServiceObject } from "../../resource/service.ts";
import type { ServiceRoute } from "./speaker.ts";

/** A node with it announces nothing of services, unless it says "false". */
const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";

/** What one node's part in the services follows from. */
export type ServiceView = {
  readonly node: Node;
  readonly configuration: BgpConfiguration;
  readonly resources: Pick<Resources, "services" | "endpoints">;
};

/** As the documents show it. */
export function serviceViewOf(resources: Resources, node: Node): ServiceView {
  const configuration = resources.configuration?.resource ?? defaultConfiguration();
  return { node, configuration, resources };
}

/** The ranges that the node announces as they are. */
export function announcedRanges({
  node,
  configuration,
  resources,
}: ServiceView): readonly Prefix[] {
  const { serviceRanges, serviceLoadBalancerAggregation } = configuration;
  if (isExcluded(node)) return [];
  const isShared = (range: Prefix): boolean => resources.services.length === 0 || !isSingle(range);
  const isAggregated = serviceLoadBalancerAggregation === "Enabled";
  return [
    ...serviceRanges.ClusterIP,
    ...serviceRanges["external IP"].filter(isShared),
    ...(isAggregated ? serviceRanges["load balancer's address"].filter(isShared) : []),
  ];
}

/** The addresses that it announces by themselves, in order, each once. */
export function serviceRoutes(view: ServiceView): readonly ServiceRoute[] {
  if (isExcluded(view.node) || allRanges(view.configuration.serviceRanges).length === 0) return [];
  const routes = new Map<string, ServiceRoute>();
  for (const { resource } of view.resources.services) {
    for (const entry of resource.addresses) {
      if (!judge(resource, entry, view).isAnnounced) continue;
      const key = formatAddress(entry.address);
      if (routes.has(key)) continue;
      const service = formatObjectName(resource);
      routes.set(key, { prefix: hostPrefix(entry.address), service });
    }
  }
  return [...routes.values()].sort((a, b) => comparePrefix(a.prefix, b.prefix));
}

/** What Services have an address, and what becomes of it on this node: a sentence for each. */
export function describeServices(address: Address, view: ServiceView): string[] {
  return view.resources.services.flatMap(({ resource }) =>
    resource.addresses
      .filter((entry) => equalAddress(entry.address, address))
      .map((entry) => {
        const { isAnnounced, reason } = judge(resource, entry, view);
        const what = `${formatAddress(address)} is the ${entry.kind} of Service ${formatObjectName(resource)}`;
        return `${what}, ${isAnnounced ? "announced" : "not announced by itself"} by ${view.node.name}: ${reason}.`;
      }),
  );
}

type Judgement = { readonly isAnnounced: boolean; readonly reason: string };

function judge(service: ServiceObject, { kind, address }: ServiceAddress, view: ServiceView) {
  const { node, configuration } = view;
  if (isExcluded(node)) return refuse(`it has the label ${EXCLUDED}`);
  const ranges = configuration.serviceRanges[kind];
  const range = ranges.find((candidate) => containsAddress(candidate, address));
  if (range === undefined) return refuse(`the address is in none of the ranges of such addresses`);
  const { endpoints } = view.resources;
  const ready = endpoints.of(service)[address.family];
  if (service.isLocal) return judgeLocal(ready, node);
  if (kind === "ClusterIP") return refuse(ofRange(range));
  // An address that is a range by itself is told while a Service has it.
  if (isSingle(range)) return accept(`${formatPrefix(range)} is a range of its own`);
  const isSplit = configuration.serviceLoadBalancerAggregation === "Disabled";
  if (kind === "external IP" || !isSplit) return refuse(ofRange(range));
  return ready.size > 0
    ? accept("serviceLoadBalancerAggregation is Disabled, and a ready endpoint is somewhere")
    : refuse("no endpoint is ready anywhere");
}

/** Packets must come to where they are answered (`externalTrafficPolicy: Local`). */
function judgeLocal(ready: ReturnType<EndpointIndex["of"]>[4], node: Node): Judgement {
  if (ready.has(node.kubernetesName)) return accept("a ready endpoint is on it");
  const others = [...ready].filter((name) => name !== "");
  const elsewhere = others.length === 0 ? "nor on any other node" : `there is on ${listOf(others)}`;
  return refuse(`no ready endpoint is on it (externalTrafficPolicy: Local), ${elsewhere}`);
}

/** More names than anybody reads are counted. */
const MOST_NAMES = 5;

function listOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function ofRange(range: Prefix): string {
  return `its range ${formatPrefix(range)} is, for all nodes serve it (externalTrafficPolicy: Cluster)`;
}

function isExcluded({ labels }: Node): boolean {
  return labels[EXCLUDED] !== undefined && labels[EXCLUDED] !== "false";
}

function isSingle({ family, length }: Prefix): boolean {
  return length === bitsOf(family);
}

function accept(reason: string): Judgement {
  return { isAnnounced: true, reason };
}

function refuse(reason: string): Judgement {
  return { isAnnounced: false, reason };
}
