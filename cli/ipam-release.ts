/**
 * `manx ipam release ADDRESS`: give an address back that is proved to be free.
 *
 * The proof holds because the record is put aside first: its container's next ADD does not find it then, nobody else
 * gets the address, and whatever had found it before shows in a second look. Only then is it given back, as a DEL does
 * it: connections are forgotten, and the address cools.
 */

import { proofOfTaken } from "../ipam/check.ts";
import type { TakenAddress } from "../ipam/inspection.ts";
import { isProved, type Proof } from "../ipam/machine.ts";
import { openRecords } from "../ipam/records-files.ts";
import { forgetConnections } from "../kernel/conntrack.ts";
import { type Address, equalAddress, formatAddress } from "../lib/address.ts";
import { looked } from "./ipam-check.ts";
import { lookAtMachine } from "./ipam-look.ts";
import type { IpamReleaseOptions } from "./options.ts";
import { CommandError, EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { parseTarget } from "./target.ts";

export type ReleaseAnswer = {
  readonly address: string;
  /** Null: not known. */
  readonly network: string | null;
  /** What speaks against it, or was not seen: only with --force is it anything. */
  readonly notProved: readonly string[];
  /** How many tracked connections were forgotten. */
  readonly connections: number;
};

/** Prove, give back and print. Throws `CommandError` with the evidence when it may be in use. */
export function releaseIpam(options: IpamReleaseOptions, output: Output): ExitCode {
  const { dataDir, force = false } = options;
  const address = addressOf(options.address);
  const [entry, first] = examine(address, options);
  if (!force) refuseUnproved(entry, first);
  const { scope, network } = entry;
  const records = openRecords({ directory: dataDir, network: network ?? "", scope });
  const undo = records.putAside(address);
  let notProved: readonly string[];
  try {
    const [, second] = examine(address, network === undefined ? options : { ...options, network });
    if (!force) refuseUnproved(entry, second);
    notProved = [...second.uses, ...second.unknown];
  } catch (failure) {
    undo();
    throw failure;
  }
  const connections = looked(() => forgetConnections([address]));
  records.releaseAddress(address);
  const answer = {
    address: formatAddress(address),
    network: network ?? null,
    notProved,
    connections,
  };
  if (options.json) writeJson(output, answer);
  else output.out(formatRelease(answer));
  for (const reason of notProved) output.err(`manx: not proved to be free: ${reason}\n`);
  return EXIT.ok;
}

/** One line. */
export function formatRelease({ address, network, connections }: ReleaseAnswer): string {
  const forgotten = connections === 0 ? "" : `; connections forgotten: ${connections}`;
  const of = network === null ? "" : ` of network ${network}`;
  return `${address}${of} is given back${forgotten}\n`;
}

function addressOf(text: string): Address {
  const target = parseTarget(text);
  if (target.type === "address") return target.address;
  throw new CommandError(`${text} is a prefix: expected an address such as 10.244.1.7`, EXIT.usage);
}

/** The address's file, and what the machine shows of it. */
function examine(
  address: Address,
  { network, dataDir }: Pick<IpamReleaseOptions, "network" | "dataDir">,
): [TakenAddress, Proof] {
  const { ever, view } = looked(() => lookAtMachine(dataDir));
  const found = ever.taken.filter(
    (entry) =>
      equalAddress(entry.address, address) && (network === undefined || entry.network === network),
  );
  const networks = new Set(found.map((entry) => entry.network));
  // What was seen twice and differs is being changed: the last is how it is.
  const entry = found.at(-1);
  const text = formatAddress(address);
  if (entry === undefined) {
    const where = network === undefined ? "" : ` in network ${network}`;
    throw new CommandError(
      `nobody has ${text}${where} (${dataDir}): manx ipam show ${text}`,
      EXIT.failed,
    );
  }
  if (networks.size > 1) {
    throw new CommandError(
      `${text} is taken in networks ${[...networks].map((one) => one ?? "not known").join(", ")}: say which with --network`,
      EXIT.usage,
    );
  }
  return [entry, proofOfTaken(entry, ever, view)];
}

function refuseUnproved({ address, network }: TakenAddress, proof: Proof): void {
  if (isProved(proof)) return;
  const reasons = [...proof.uses, ...proof.unknown].map((reason) => `\n  ${reason}`).join("");
  throw new CommandError(
    `${formatAddress(address)} of network ${network ?? "not known"} is not proved to be free:${reasons}\nit is not given back; who knows better says --force`,
    EXIT.failed,
  );
}
