/**
 * The columns that show a path's attributes, the same in every table of routes.
 */

import type { AttributesAnswer, PathAnswer } from "../resource/answer.ts";
import { styled } from "./style.ts";
import type { Column } from "./table.ts";
import { formatAsPath, formatOptional, pathState } from "./words.ts";

/** Of RFC 7911, where paths have any. */
export function pathIdColumn<Row>(rowOf: (row: Row) => { readonly pathId?: number }): Column<Row> {
  const cell = (row: Row): string => formatOptional(rowOf(row).pathId ?? null);
  return { title: "PATH ID", align: "right", cell, optional: true };
}

/** State, and whom the path was learned from. */
export function sourceColumns<Row>(pathOf: (row: Row) => PathAnswer): readonly Column<Row>[] {
  return [
    { title: "STATE", cell: (row) => pathState(pathOf(row)) },
    {
      title: "FROM",
      cell: (row) => {
        const { peer, source } = pathOf(row);
        return peer ?? styled(source === "local" ? "this node" : "", "faint");
      },
    },
    pathIdColumn(pathOf),
  ];
}

/** Next hop, AS path and what else is there; rare attributes take room only where they occur. */
export function attributeColumns<Row>(
  attributesOf: (row: Row) => AttributesAnswer | null,
): readonly Column<Row>[] {
  const cell = (show: (attributes: AttributesAnswer) => string) => (row: Row) => {
    const attributes = attributesOf(row);
    return attributes === null ? "" : show(attributes);
  };
  return [
    { title: "NEXT HOP", cell: cell(({ nextHop }) => nextHop ?? ""), optional: true },
    { title: "AS PATH", cell: cell(({ asPath }) => formatAsPath(asPath)), optional: true },
    {
      title: "PREF",
      align: "right",
      cell: cell(({ localPref }) => formatOptional(localPref)),
      optional: true,
    },
    {
      title: "MED",
      align: "right",
      cell: cell(({ multiExitDisc }) => formatOptional(multiExitDisc)),
      optional: true,
    },
    {
      title: "ORIGIN",
      // IGP is what nearly every route has: it says nothing.
      cell: cell(({ origin }) => (origin === "IGP" ? "" : origin)),
      optional: true,
    },
    {
      title: "COMMUNITIES",
      cell: cell(({ communities, largeCommunities, extendedCommunities }) =>
        [...communities, ...largeCommunities, ...extendedCommunities].join(" "),
      ),
      optional: true,
    },
    { title: "AIGP", align: "right", cell: cell(({ aigp }) => aigp ?? ""), optional: true },
    {
      title: "ONLY TO CUSTOMER",
      align: "right",
      cell: cell(({ onlyToCustomer }) => formatOptional(onlyToCustomer)),
      optional: true,
    },
    { title: "ORIGINATOR", cell: cell(({ originatorId }) => originatorId ?? ""), optional: true },
    {
      title: "CLUSTERS",
      cell: cell(({ clusterList }) => clusterList.join(" ")),
      optional: true,
    },
  ];
}
