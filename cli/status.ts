/**
 * `manx status`: the daemon of this node at a glance.
 */

import type { StatusAnswer, UnnumberedAnswer } from "../resource/answer.ts";
import { openClient } from "./client.ts";
import type { AskOptions } from "./options.ts";
import { EXIT, type ExitCode, type Output, writeJson } from "./output.ts";
import { type Look, paint, type Styled, styled } from "./style.ts";
import { type Fact, formatFacts } from "./table.ts";
import { countOf, formatDuration } from "./words.ts";

/** Ask and print. Throws `CommandError`. */
export async function showStatus(options: AskOptions, output: Output): Promise<ExitCode> {
  const answer = await openClient(options.api).status();
  if (options.json) writeJson(output, answer);
  else output.out(formatStatus(answer, output.look));
  return EXIT.ok;
}

/** A title line and facts below it; whatever is wrong is in the colour of that. */
export function formatStatus(status: StatusAnswer, look: Look): string {
  const { rib } = status;
  const title = [
    paint(styled(status.node, "strong"), look),
    ...(status.routerId === "" ? [] : [`AS ${status.asNumber}`, `router ID ${status.routerId}`]),
    `up ${formatDuration(status.uptime)}`,
    `manx ${status.version}`,
  ];
  const facts: readonly Fact[] = [
    ["ready", readiness(status)],
    ["blocks", status.blocks.length === 0 ? "none" : status.blocks.join(", ")],
    ["peers", [established(status), ...(status.peers.unnumbered ?? []).map(onLink)]],
    [
      "routes",
      [
        rib.ipv6Prefixes === 0
          ? countOf(rib.prefixes, "prefix", "prefixes")
          : `${rib.ipv4Prefixes} IPv4 and ${countOf(rib.ipv6Prefixes, "IPv6 prefix", "IPv6 prefixes")}`,
        countOf(rib.paths, "path"),
        countOf(rib.attributeSets, "attribute set"),
      ].join(", "),
    ],
    ["kernel", kernelFacts(status)],
    ...masqueradeFacts(status),
    ["configuration", configurationFacts(status)],
  ];
  return `${title.join("  ")}\n${formatFacts(facts, look)}`;
}

function readiness({ ready }: StatusAnswer): Styled {
  if (ready.ok) return styled("yes", "good");
  return styled(`no: ${ready.reason}`, "bad");
}

function established({ peers }: StatusAnswer): Styled {
  if (peers.configured === 0) return "none configured";
  const away = peers.away === 0 ? "" : `; routes of ${peers.away} that may come back are kept`;
  const text = `${peers.established} of ${peers.configured} Established${away}`;
  if (peers.established === peers.configured) return styled(text, "good");
  return styled(text, peers.established === 0 ? "bad" : "warning");
}

function onLink({ name, link, address, reason }: UnnumberedAnswer): Styled {
  const text = `${name} on ${link}: ${address ?? reason}`;
  return address === null ? styled(text, "bad") : text;
}

function configurationFacts({ configuration }: StatusAnswer): readonly Styled[] {
  const { source, generation, faults } = configuration;
  if (generation === 0) {
    return [source, ...faulty("it was refused, and no other is in force:", faults)];
  }
  return [
    `${source}, generation ${generation}`,
    ...faulty("the last reading was refused, the one before it is in force:", faults),
  ];
}

function faulty(consequence: string, faults: readonly string[]): readonly Styled[] {
  return faults.length === 0 ? [] : [consequence, ...faults].map((line) => styled(line, "bad"));
}

function masqueradeFacts({ masquerade }: StatusAnswer): readonly Fact[] {
  if (masquerade === undefined) return [];
  const { sources, error } = masquerade;
  const text = `connections from ${sources.join(", ")} leave the pools with the node's address`;
  return [["masquerade", error === null ? text : styled(`not there: ${error}`, "bad")]];
}

function kernelFacts({ fib }: StatusAnswer): readonly Styled[] {
  if (fib.mode === "none") return ["untouched"];
  const installed = `${countOf(fib.installed, "route")} installed as protocol ${fib.protocol}`;
  const healed = fib.healed === 0 ? "" : `, ${fib.healed} put back after others changed them`;
  const stale =
    fib.stale === 0 ? [] : [styled(`${fib.stale} kept from before the restart`, "warning")];
  const failed = fib.failed.map(({ prefix, error }) =>
    styled(`${prefix} refused: ${error}`, "bad"),
  );
  return [installed + healed, ...stale, ...failed];
}
