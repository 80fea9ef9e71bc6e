/**
 * `manx ipam check`: address records, kernel and namespaces compared both ways, with the repairs that are proved.
 */

import { checkRecords, quoted } from "../ipam/check.ts";
import { checkHost } from "../ipam/check-host.ts";
import { HOST_END } from "../ipam/ends.ts";
import type { Finding } from "../ipam/finding.ts";
import { NodeFileError, readNodeFile } from "../ipam/node.ts";
import { DATA_DIRECTORY } from "../ipam/records-files.ts";
import type { Prefix } from "../lib/prefix.ts";
import { lookAtMachine } from "./ipam-look.ts";
import type { IpamCheckOptions } from "./options.ts";
import { CommandError, EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, paint, styled } from "./style.ts";
import { wrapText } from "./table.ts";
import { countOf } from "./words.ts";

export type CheckAnswer = {
  readonly findings: readonly Finding[];
  /** What could not be looked at: then less is proved. */
  readonly unseen: readonly string[];
  readonly checked: {
    readonly addresses: number;
    readonly hostEnds: number;
    readonly namespaces: number;
  };
  /** Why the node's own blocks are not known; empty when they are. */
  readonly notice: string;
};

/** Look, compare and print. Exit code 1 when anything is found, 2 when it could not be checked. */
export function checkIpam(options: IpamCheckOptions, output: Output): ExitCode {
  const answer = readCheck(options);
  if (options.json) writeJson(output, answer);
  else output.out(formatCheck(answer, output.look));
  return answer.findings.length === 0 ? EXIT.ok : EXIT.failed;
}

function readCheck({ dataDir, nodeFile }: IpamCheckOptions): CheckAnswer {
  const { blocks, notice } = nodeBlocks(nodeFile);
  const { lasting, ever, view, links, otherBoots } = looked(() => lookAtMachine(dataDir));
  const common = { view, nodeBlocks: blocks, otherBoots, flags: dataFlag(dataDir) };
  const findings = [
    ...checkRecords({ ...common, inspection: lasting }),
    ...checkHost({ ...common, inspection: ever }, links),
  ];
  const { host, namespaces } = view.machine;
  return {
    findings,
    unseen: view.unknown,
    checked: {
      addresses: lasting.taken.length,
      hostEnds: host.links.filter(({ name }) => name.startsWith(HOST_END)).length,
      namespaces: namespaces.length,
    },
    notice,
  };
}

/** What the system refuses here is a check that could not be made. */
export function looked<Value>(look: () => Value): Value {
  try {
    return look();
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause)) throw cause;
    throw new CommandError(
      `cannot look at the records and the kernel: ${cause.message}: run this as root on the node`,
      EXIT.usage,
      { cause },
    );
  }
}

/** The flag that names the same records, for a command that is offered. */
function dataFlag(dataDirectory: string): string {
  return dataDirectory === DATA_DIRECTORY ? "" : ` --data-dir ${quoted(dataDirectory)}`;
}

function nodeBlocks(path: string): {
  readonly blocks: readonly Prefix[] | undefined;
  readonly notice: string;
} {
  try {
    const { blocks } = readNodeFile(path);
    return { blocks: [...blocks.ipv4, ...blocks.ipv6], notice: "" };
  } catch (error) {
    if (!(error instanceof NodeFileError)) throw error;
    const notice = `${error.message}: whether the addresses are of the node's blocks is not checked`;
    return { blocks: undefined, notice };
  }
}

/** Each finding with its evidence and what to do, and a line that counts them. */
export function formatCheck(answer: CheckAnswer, look: Look): string {
  const { findings, unseen, checked, notice } = answer;
  const sections = findings.map((finding) => formatFinding(finding, look));
  const repairs = findings.filter(({ repair }) => repair !== null).length;
  const seen = [
    countOf(checked.addresses, "address", "addresses"),
    countOf(checked.hostEnds, "host end"),
    countOf(checked.namespaces, "other namespace"),
  ].join(", ");
  const result =
    findings.length === 0
      ? styled(`nothing found: ${seen}`, "good")
      : styled(`${countOf(findings.length, "finding")}, ${repairs} with a repair: ${seen}`, "bad");
  const notes = [...unseen, ...(notice === "" ? [] : [notice])].map(
    (note) => `not checked: ${note}`,
  );
  return [...sections, `${[paint(result, look), ...notes].join("\n")}\n`].join("\n");
}

function formatFinding(finding: Finding, look: Look): string {
  const { subject, network, kind, evidence, repair } = finding;
  const title = `${paint(styled(subject, "strong"), look)}${network === null ? "" : ` (${network})`}: ${paint(styled(kind, "bad"), look)}`;
  const width = look.width === undefined ? undefined : look.width - INDENT.length;
  const lines = evidence.flatMap((text) => wrapText(text, width));
  // A command stays on one line, to be copied.
  const rest =
    repair === null
      ? wrapText(`look: ${finding.look}`, width)
      : [paint(styled(`repair: ${repair}`, "good"), look)];
  return [title, ...[...lines, ...rest].map((line) => `${INDENT}${line}`), ""].join("\n");
}

const INDENT = "  ";
