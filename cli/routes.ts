/**
 * `manx routes [PREFIX|ADDRESS]`: the table; with `--received PEER` what a peer has told us, with
 * `--advertised PEER` what it was told.
 */

import { containsAddress, containsPrefix, parsePrefix } from "../lib/prefix.ts";
import type {
  AdvertisedAnswer,
  PathAnswer,
  PeerAnswer,
  ReceivedAnswer,
  RouteAnswer,
} from "../resource/answer.ts";
import { openClient } from "./client.ts";
import type { RoutesOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { attributeColumns, pathIdColumn, sourceColumns } from "./path-columns.ts";
import { findPeer } from "./peers.ts";
import { type Look, restyle, type Styled, styled } from "./style.ts";
import { type Column, formatTable } from "./table.ts";
import { parseTarget } from "./target.ts";
import { kernelState } from "./words.ts";

/** Ask and print. Throws `CommandError`. */
export async function showRoutes(options: RoutesOptions, output: Output): Promise<ExitCode> {
  const isWanted = selectorOf(options.target);
  const client = openClient(options.api);
  const { received, advertised } = options;
  const word = received ?? advertised;
  if (word === undefined) {
    const answers = (await client.routes()).filter(isWanted);
    print({ answers, format: formatRoutes, nothing: emptiness(options.target) }, options, output);
    return EXIT.ok;
  }
  const peer = findPeer(word, await client.peers());
  const nothing = sessionless(peer) ?? emptiness(options.target);
  if (received !== undefined) {
    const answers = (await client.received(peer.name)).filter(isWanted);
    print({ answers, format: formatReceived, nothing }, options, output);
  } else {
    const answers = (await client.advertised(peer.name)).filter(isWanted);
    print({ answers, format: formatAdvertised, nothing }, options, output);
  }
  return EXIT.ok;
}

/** One line of the table of all routes. */
type PathRow = { readonly prefix: Styled; readonly path: PathAnswer; readonly kernel: Styled };

const ROUTE_COLUMNS: readonly Column<PathRow>[] = [
  { title: "PREFIX", cell: ({ prefix }) => prefix },
  ...sourceColumns<PathRow>(({ path }) => path),
  ...attributeColumns<PathRow>(({ path }) => path.attributes),
  { title: "KERNEL", cell: ({ kernel }) => kernel, optional: true },
  { title: "REASON", cell: ({ path }) => path.reason },
];

/** Every path of every route, one line each; the kernel's state beside the first, which is the best. */
export function formatRoutes(routes: readonly RouteAnswer[], look: Look): string {
  const rows = routes.flatMap(({ prefix, paths, kernel }) =>
    paths.map((path, index) => ({
      prefix: styled(prefix, index === 0 ? "strong" : "faint"),
      path,
      kernel: index === 0 ? kernelCell(path, kernel) : "",
    })),
  );
  return formatTable(rows, ROUTE_COLUMNS, look);
}

/** The kernel's state without what the line says already: the next hop, or that no path is in use. */
function kernelCell({ state, attributes }: PathAnswer, kernel: string): Styled {
  if (state !== "best") return "";
  const isShared = kernel.includes(" and via ");
  const short = isShared
    ? kernel.replace("installed via", "via")
    : kernel.replace(`installed via ${attributes.nextHop} dev`, "dev");
  return restyle(kernelState(kernel), short);
}

const RECEIVED_COLUMNS: readonly Column<ReceivedAnswer>[] = [
  { title: "PREFIX", cell: ({ prefix }) => styled(prefix, "strong") },
  ...sourceColumns<ReceivedAnswer>(({ path }) => path).filter(({ title }) => title !== "FROM"),
  ...attributeColumns<ReceivedAnswer>(({ path }) => path.attributes),
  { title: "REASON", cell: ({ path }) => path.reason },
];

/** What one peer has told us and what became of it. */
export function formatReceived(routes: readonly ReceivedAnswer[], look: Look): string {
  return formatTable(routes, RECEIVED_COLUMNS, look);
}

/** Columns of what a peer was told, shared with `manx why`. */
export function advertisedColumns<Row extends AdvertisedAnswer>(): readonly Column<Row>[] {
  return [
    pathIdColumn<Row>((row) => row),
    {
      title: "TOLD",
      cell: ({ advertised }) => (advertised ? styled("yes", "good") : styled("no", "faint")),
    },
    ...attributeColumns<Row>(({ attributes }) => attributes),
    { title: "REASON", cell: ({ reason }) => reason },
  ];
}

const ADVERTISED_COLUMNS: readonly Column<AdvertisedAnswer>[] = [
  { title: "PREFIX", cell: ({ prefix }) => styled(prefix, "strong") },
  ...advertisedColumns<AdvertisedAnswer>(),
];

/** What one peer was told, and what it was not and why. */
export function formatAdvertised(routes: readonly AdvertisedAnswer[], look: Look): string {
  return formatTable(routes, ADVERTISED_COLUMNS, look);
}

/** A prefix selects itself and what lies inside, an address whatever holds it. */
function selectorOf(text: string | undefined): (answer: { readonly prefix: string }) => boolean {
  if (text === undefined) return () => true;
  const target = parseTarget(text);
  return target.type === "address"
    ? ({ prefix }) => containsAddress(parsePrefix(prefix), target.address)
    : ({ prefix }) => containsPrefix(target.prefix, parsePrefix(prefix));
}

type Print<Answer> = {
  readonly answers: readonly Answer[];
  readonly format: (answers: readonly Answer[], look: Look) => string;
  /** What to say when there are none. */
  readonly nothing: string;
};

function print<Answer>(
  { answers, format, nothing }: Print<Answer>,
  { json }: RoutesOptions,
  output: Output,
): void {
  if (json) writeJson(output, answers);
  else output.out(answers.length > 0 ? format(answers, output.look) : `${nothing}\n`);
}

/** Why a peer has no routes: a peer without a session is told nothing and tells nothing. */
function sessionless({ name, state, lastError }: PeerAnswer): string | undefined {
  if (state === "Established") return undefined;
  const reason = lastError === "" ? "" : ` (${lastError})`;
  return `no routes: the session with ${name} is ${state}${reason}`;
}

function emptiness(target: string | undefined): string {
  return target === undefined ? "no routes" : `no routes for ${target}; ask manx why ${target}`;
}
