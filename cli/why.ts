/**
 * `manx why PREFIX|ADDRESS`: where it goes and why, or why it does not.
 */

import type { PathAnswer, WhyAnswer } from "../resource/answer.ts";
import { openClient } from "./client.ts";
import type { WhyOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { attributeColumns, sourceColumns } from "./path-columns.ts";
import { advertisedColumns } from "./routes.ts";
import { type Look, paint, styled } from "./style.ts";
import { type Column, formatTable, wrapText } from "./table.ts";
import { parseTarget } from "./target.ts";
import { kernelState } from "./words.ts";

/** Ask and print. Throws `CommandError`. */
export async function showWhy(options: WhyOptions, output: Output): Promise<ExitCode> {
  parseTarget(options.target);
  const answer = await openClient(options.api).why(options.target);
  if (options.json) writeJson(output, answer);
  else output.out(formatWhy(answer, output.look));
  return EXIT.ok;
}

const PATH_COLUMNS: readonly Column<PathAnswer>[] = [
  ...sourceColumns<PathAnswer>((path) => path),
  ...attributeColumns<PathAnswer>(({ attributes }) => attributes),
  { title: "REASON", cell: ({ reason }) => reason },
];

type Told = WhyAnswer["advertised"][number];

const TOLD_COLUMNS: readonly Column<Told>[] = [
  { title: "PEER", cell: ({ peer }) => styled(peer, "strong") },
  ...advertisedColumns<Told>(),
];

/** The sentence, then every path, the kernel's state, and what each peer was told. */
export function formatWhy(why: WhyAnswer, look: Look): string {
  const sections = [`${wrapText(why.summary, look.width).join("\n")}\n`];
  const { route } = why;
  if (route !== null) {
    sections.push(formatTable(route.paths, PATH_COLUMNS, look));
    if (route.kernel !== "") {
      sections.push(
        `${paint(styled("KERNEL", "heading"), look)}  ${paint(kernelState(route.kernel), look)}\n`,
      );
    }
  }
  sections.push(formatTable(why.advertised, TOLD_COLUMNS, look));
  return sections.filter((section) => section !== "").join("\n");
}
