/**
 * Address records against the machine, from the machine's side: host ends and routes of ours that no record knows.
 *
 * A network may have another IPAM, which keeps its own books: then there is no record, and the address lies in no block
 * that is known here.
 */

import { equalAddress, formatAddress } from "../lib/address.ts";
import { containsAddress, formatPrefix } from "../lib/prefix.ts";
import type { CheckInput } from "./check.ts";
import { type Attached, attachedBy, endsOf, HOST_END } from "./ends.ts";
import type { Finding } from "./finding.ts";
import type { MachineLink, MachineRoute } from "./machine.ts";

/**
 * What no record knows. `inspection`: the records that were there at any time of the look; `links`: host ends that
 * were there all the time.
 */
export function checkHost(input: CheckInput, links: readonly MachineLink[]): Finding[] {
  const { inspection, view } = input;
  const owners = new Map(
    inspection.taken.flatMap(({ network, holder }) =>
      holder === undefined || network === undefined
        ? []
        : [[endsOf({ network, ...holder }).hostEnd, { network, ...holder }] as const],
    ),
  );
  return links
    .filter(({ name }) => name.startsWith(HOST_END))
    .flatMap((link) => {
      // An alias has no room for every name; the record may have it.
      const owner = attachedBy(link) ?? owners.get(link.name);
      if (owner !== undefined && view.call(owner) !== undefined) return [];
      return checkLink(link, owner, input);
    });
}

function checkLink(link: MachineLink, owner: Attached | undefined, input: CheckInput): Finding[] {
  const { view, inspection } = input;
  const routes = view.machine.host.routes.filter(
    ({ type, nextHops }) => type === "unicast" && nextHops.some((hop) => hop.link === link.index),
  );
  const whose =
    owner === undefined
      ? "its alias says no attachment"
      : `its alias says ${owner.network}/${owner.container}/${owner.interfaceName}`;
  const pod = view.podEnd(link);
  const inPod =
    pod === undefined
      ? "its pod's namespace is not seen"
      : `${pod.link.name} in ${pod.path} has ${pod.addresses.join(", ") || "no address"}`;
  const own = inspection.taken.filter(
    ({ network, holder }) =>
      owner !== undefined &&
      network === owner.network &&
      holder?.container === owner.container &&
      holder.interfaceName === owner.interfaceName,
  );
  const lost = routes.filter(
    (route) =>
      !own.some(({ address }) => equalAddress(address, route.destination)) &&
      isOurs(route, input) &&
      !isFoundByRecord(route, input),
  );
  if (own.length > 0 || owner === undefined) {
    return lost.map((route) => {
      const prefix = formatPrefix(route.destination);
      const isStray =
        pod !== undefined && !pod.addresses.includes(formatAddress(route.destination));
      return {
        kind: "route without record" as const,
        subject: prefix,
        network: owner?.network ?? null,
        evidence: [`it is over ${link.name}`, whose, ...recordsOf(route, input), inPod],
        ...(isStray && view.unknown.length === 0
          ? { repair: `ip route delete ${prefix} dev ${link.name}`, look: "" }
          : { repair: null, look: `who made it: ip -d link show ${link.name}` }),
      };
    });
  }
  if (lost.length === 0 && routes.length > 0) return [];
  const evidence = [
    whose,
    ...lost.map((route) => `the host's route to ${formatPrefix(route.destination)} is over it`),
    inPod,
  ];
  return [
    {
      kind: "host end without record",
      subject: link.name,
      network: owner.network,
      evidence: [...evidence, ...lost.flatMap((route) => recordsOf(route, input))],
      repair: null,
      look: "whether the runtime knows the container: if not, GC or a DEL of it takes the link away; if so, its address may be given to another pod: delete the pod",
    },
  ];
}

/** Whether the address is one that our records should know. */
function isOurs(
  { destination }: MachineRoute,
  { nodeBlocks = [], inspection }: CheckInput,
): boolean {
  const blocks = [
    ...nodeBlocks,
    ...inspection.taken.flatMap(({ record }) => (record === undefined ? [] : [record.block])),
    ...inspection.past.map(({ block }) => block),
  ];
  return blocks.some((block) => containsAddress(block, destination));
}

/** Whether a record has it whose own host end is there: then that is told of the record. */
function isFoundByRecord({ destination }: MachineRoute, { inspection, view }: CheckInput): boolean {
  return inspection.taken.some(
    ({ network, address, holder }) =>
      holder !== undefined &&
      network !== undefined &&
      equalAddress(address, destination) &&
      view.link(endsOf({ network, ...holder }).hostEnd) !== undefined,
  );
}

function recordsOf({ destination }: MachineRoute, { inspection }: CheckInput): string[] {
  const text = formatAddress(destination);
  const found = inspection.taken.filter(({ address }) => formatAddress(address) === text);
  if (found.length === 0) return [`no network has a record of ${text}`];
  return found.map(
    ({ network, holder }) =>
      `network ${network ?? "not known"} records ${text} for ${holder === undefined ? "nobody" : `${holder.container}/${holder.interfaceName}`}`,
  );
}
