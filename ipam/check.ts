/**
 * Address records against the machine, from the records' side: what each of them says, and whether it is so.
 *
 * Pure: what is compared was read before (`inspection.ts`, `kernel/survey.ts`). `check-host.ts` looks from the other
 * side. A repair is offered where what was seen proves that it is right, and only there.
 */

import { formatAddress } from "../lib/address.ts";
import { containsAddress, formatPrefix, hostPrefix, type Prefix } from "../lib/prefix.ts";
import { endsOf } from "./ends.ts";
import type { Finding } from "./finding.ts";
import type { Inspection, TakenAddress } from "./inspection.ts";
import { isProved, type MachineView, type Proof, proofOf } from "./machine.ts";
import { describeHolder } from "./record.ts";

export type CheckInput = {
  readonly inspection: Inspection;
  readonly view: MachineView;
  /** Undefined: not known. */
  readonly nodeBlocks: readonly Prefix[] | undefined;
  /** Folders of other boots. */
  readonly otherBoots: readonly string[];
  /** Flags that a command of ours needs to find the same records. */
  readonly flags: string;
};

/** What is wrong with the records, seen from them. */
export function checkRecords(input: CheckInput): Finding[] {
  const { inspection, view } = input;
  const { taken, traces, orders } = inspection;
  return [
    ...taken
      .filter((entry) => !isUnderWay(entry, view))
      .flatMap((entry) => checkTaken(entry, input)),
    ...twins(taken, "two records of one interface", (entry) =>
      entry.holder === undefined
        ? undefined
        : `${entry.holder.container}/${entry.holder.interfaceName}/${entry.address.family}`,
    ),
    ...twins(taken, "address recorded twice", ({ address }) => formatAddress(address)),
    ...traces
      .filter(({ holder }) => holder === undefined || view.call(holder) === undefined)
      .map(({ network = null, path }) => ({
        kind: "trace of a killed call" as const,
        subject: path,
        network,
        evidence: ["it takes no address, and no call for it is under way"],
        ...(view.machine.unseen.length === 0
          ? { repair: `rm -- ${quoted(path)}`, look: "" }
          : { repair: null, look: unknownText(view.machine.unseen) }),
      })),
    ...orders.map(({ network = null, path, reason }) => ({
      kind: "past of a block that cannot be" as const,
      subject: path,
      network,
      evidence: [
        reason,
        "it is a preference: without it, what was given back lately does not cool",
      ],
      repair: `rm -r -- ${quoted(path)}`,
      look: "",
    })),
    ...input.otherBoots.map((path) => ({
      kind: "records of another boot" as const,
      subject: path,
      network: null,
      evidence: ["its name is a boot id, and not the kernel's of now"],
      repair: `rm -r -- ${quoted(path)}`,
      look: "",
    })),
  ];
}

function isUnderWay({ holder }: TakenAddress, view: MachineView): boolean {
  return holder !== undefined && view.call(holder) !== undefined;
}

function checkTaken(entry: TakenAddress, input: CheckInput): Finding[] {
  const { address, network = null, fault, place, record } = entry;
  if (fault !== "" || place !== "holder") return [damaged(entry, input)];
  const findings = checkAttachment(entry, input);
  const { nodeBlocks } = input;
  if (nodeBlocks !== undefined && !nodeBlocks.some((block) => containsAddress(block, address))) {
    findings.push({
      kind: "record outside of the node's blocks",
      subject: formatAddress(address),
      network,
      evidence: [
        ...holderEvidence(entry),
        `taken from ${record === undefined ? "no block" : formatPrefix(record.block)}; the node file has ${nodeBlocks.map(formatPrefix).join(", ") || "no block"}`,
      ],
      repair: null,
      look: "the node's blocks have changed, or the network's configuration names its own: manx bgpd announces the node file's alone",
    });
  }
  return findings;
}

/** What nobody can read, or no holder has: it is free only by what the machine shows. */
function damaged(entry: TakenAddress, input: CheckInput): Finding {
  const { address, network = null, fault, place, path } = entry;
  const proof = proofOfTaken(entry, input.inspection, input.view);
  const evidence = [
    ...holderEvidence(entry),
    ...(fault === "" ? [] : [`${path}: ${fault}`]),
    ...(place === "nowhere" ? ["no holder's file is the same: no DEL will give it back"] : []),
    ...(place === "quarantine" ? ["it was put aside"] : []),
    ...proof.uses,
  ];
  const kind = fault === "" ? "address that is nobody's" : "record that cannot be read";
  return {
    kind,
    subject: formatAddress(address),
    network,
    evidence: isProved(proof) ? [...evidence, FREE] : evidence,
    ...(isProved(proof)
      ? { repair: releaseCommand(entry, input), look: "" }
      : {
          repair: null,
          look:
            proof.uses.length > 0
              ? "it is in use: it can be given back when its pod is gone, which DEL or GC may do by themselves"
              : unknownText(proof.unknown),
        }),
  };
}

/** Whether what an address's file takes is free by what the machine shows. */
export function proofOfTaken(entry: TakenAddress, { taken }: Inspection, view: MachineView): Proof {
  const { network, address, holder } = entry;
  // Of somebody who has another record by now, the host end says nothing.
  const hasOther = taken.some(
    (other) =>
      formatAddress(other.address) !== formatAddress(address) &&
      other.place === "holder" &&
      other.network === network &&
      other.address.family === address.family &&
      other.holder?.container === holder?.container &&
      other.holder?.interfaceName === holder?.interfaceName,
  );
  const isKnown = holder !== undefined && network !== undefined && !hasOther;
  return proofOf(view, address, isKnown ? { network, ...holder } : undefined);
}

const FREE = "no host end, route or namespace has it, and no call for it is under way";

/** A sound record, and what ADD should have made for it. */
function checkAttachment(entry: TakenAddress, input: CheckInput): Finding[] {
  const { address, network, holder } = entry;
  const { view } = input;
  if (holder === undefined || network === undefined) return [];
  const { hostEnd } = endsOf({ network, ...holder });
  const link = view.link(hostEnd);
  const text = formatAddress(address);
  const common = { subject: text, network };
  if (link === undefined) {
    const proof = proofOf(view, address, { network, ...holder });
    if (isProved(proof)) {
      const evidence = [...holderEvidence(entry), FREE];
      const repair = releaseCommand(entry, input);
      return [{ kind: "record without host end", ...common, evidence, repair, look: "" }];
    }
    // Other plugins have their own kind of interface; their pods have the address all the same.
    if (view.inNamespaces(address).length > 0) return [];
    const evidence = [...holderEvidence(entry), `there is no ${hostEnd}`, ...proof.uses];
    const look =
      proof.uses.length > 0 ? "whose link that is: ip -d link" : unknownText(proof.unknown);
    return [{ kind: "record without host end", ...common, evidence, repair: null, look }];
  }
  const findings: Finding[] = [];
  const said = [...holderEvidence(entry), `its host end is ${hostEnd}`];
  const pod = view.podEnd(link);
  const hasIt = pod?.addresses.includes(text) === true;
  const inPod =
    pod === undefined
      ? "its pod's namespace is not seen"
      : `${pod.link.name} in ${pod.path} ${hasIt ? "has" : "has not"} the address`;
  const prefix = formatPrefix(hostPrefix(address));
  const scope = address.family === 4 ? " scope link" : "";
  const over = view.routes(address).flatMap(({ links }) => links);
  if (pod !== undefined && !hasIt) {
    findings.push({
      kind: "record whose pod has another address",
      ...common,
      evidence: [...said, `${inPod}: ${pod.addresses.join(", ") || "none"}`],
      repair: null,
      look: "whether the pod changes its own addresses; DEL and ADD of the pod put it right",
    });
  }
  if (over.length === 0) {
    findings.push({
      kind: "record without route",
      ...common,
      evidence: [...said, `the host has no route to ${prefix}`, inPod],
      ...(hasIt
        ? {
            repair: `ip route add ${prefix} dev ${hostEnd}${scope}`,
            look: "",
          }
        : { repair: null, look: "whether the pod lives" }),
    });
  } else if (!over.includes(hostEnd)) {
    // Nobody else has it, so there is nobody whom the other route could serve.
    const isAlone = hasIt && view.inNamespaces(address).length === 1;
    findings.push({
      kind: "route to another host end",
      ...common,
      evidence: [...said, `the host's route to ${prefix} is over ${over.join(", ")}`, inPod],
      ...(isAlone
        ? { repair: `ip route replace ${prefix} dev ${hostEnd}${scope}`, look: "" }
        : { repair: null, look: "who made that route: ip route show table all" }),
    });
  }
  const neighbour = view.machine.host.neighbours.find(
    (one) => one.link === link.index && formatAddress(one.address) === text,
  );
  if (
    hasIt &&
    pod.link.mac !== undefined &&
    (neighbour?.state !== "permanent" || neighbour.mac !== pod.link.mac)
  ) {
    const state =
      neighbour === undefined ? "none" : `${neighbour.mac ?? "no MAC"} ${neighbour.state}`;
    findings.push({
      kind: "record without neighbour",
      ...common,
      evidence: [
        ...said,
        `the host's neighbour entry is ${state}, expected ${pod.link.mac} permanent`,
        inPod,
      ],
      repair: `ip neighbour replace ${text} lladdr ${pod.link.mac} dev ${hostEnd} nud permanent`,
      look: "",
    });
  }
  return findings;
}

/** Records that have in common what only one may have. */
function twins(
  taken: readonly TakenAddress[],
  kind: Finding["kind"],
  keyOf: (entry: TakenAddress) => string | undefined,
): Finding[] {
  const groups = new Map<string, TakenAddress[]>();
  for (const entry of taken) {
    const key = entry.place === "holder" && entry.fault === "" ? keyOf(entry) : undefined;
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({
      kind,
      subject: group
        .map(({ address }) => formatAddress(address))
        .filter((text, at, all) => all.indexOf(text) === at)
        .join(", "),
      network: null,
      evidence: group.map(
        (entry) =>
          `network ${entry.network ?? "not known"}: ${formatAddress(entry.address)}, ${holderEvidence(entry).join("; ")}`,
      ),
      repair: null,
      look: "which of the networks the pod is in; what is free of it is found as a record without host end",
    }));
}

function holderEvidence({ record, holder }: TakenAddress): string[] {
  if (record !== undefined) return [`${describeHolder(record)} has it since ${record.time}`];
  return holder === undefined
    ? ["whose it is is not known"]
    : [`by its name it is of ${describeHolder({ holder })}`];
}

function releaseCommand({ address, network }: TakenAddress, { flags }: CheckInput): string {
  const of = network === undefined ? "" : ` --network ${quoted(network)}`;
  return `manx ipam release ${formatAddress(address)}${of}${flags}`;
}

function unknownText(unknown: readonly string[]): string {
  return `it cannot be proved to be free: ${unknown.join("; ")}: run this as root, where the runtime and its pods are seen`;
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
