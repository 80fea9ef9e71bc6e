/**
 * JSON Schemas of the documents, for editors: made of the schemas that bgpd reads with.
 *
 * `bun bootstrap/schema.ts` writes them to conf/schema. They accept whatever bgpd accepts; what a function judges
 * (prefixes, selectors, fields that depend on others) is text to them, with bgpd's words for a description.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { nodeConfigurationSpec } from "../resource/bgp-configuration.ts";
import { KINDS, type Kind } from "../resource/kind.ts";
import { KUBERNETES_KIND_NAMES } from "../resource/kubernetes.ts";
import { metadataSchema } from "../resource/metadata.ts";
import { describeNotHonoured, type NotHonouredFields } from "../resource/not-honoured.ts";

const FOLDER = join(import.meta.dir, "../conf/schema");
const DRAFT = "http://json-schema.org/draft-07/schema#";

/** By the names of their files: one for each kind, and `manx.json` for files with documents of several. */
export function jsonSchemas(): Readonly<Record<string, JsonSchema>> {
  const kinds = Object.keys(KINDS) as Kind[];
  const files = kinds.map((kind) => [fileOf(kind), documentSchema(kind)] as const);
  const all: JsonSchema = {
    $schema: DRAFT,
    title: "A document of Manx",
    type: "object",
    required: ["kind"],
    properties: { kind: { enum: [...kinds, ...KUBERNETES_KIND_NAMES] } },
    allOf: kinds.map((kind) =>
      implication({ properties: { kind: { const: kind } } }, { $ref: fileOf(kind) }),
    ),
  };
  return Object.fromEntries([...files, ["manx.json", all]]);
}

/** As its file has it. */
export function formatSchema(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function fileOf(kind: Kind): string {
  return `${kind.toLowerCase()}.json`;
}

function documentSchema(kind: Kind): JsonSchema {
  const { spec, notHonoured } = KINDS[kind];
  const schema: JsonSchema = {
    $schema: DRAFT,
    title: kind,
    type: "object",
    required: ["apiVersion", "kind", "metadata"],
    additionalProperties: false,
    properties: {
      apiVersion: { const: "projectcalico.org/v3" },
      kind: { const: kind },
      metadata: schemaOf(metadataSchema),
      spec: withFields(schemaOf(spec), notHonoured),
      status: { description: "What a cluster's store writes; it says nothing to Manx." },
    },
  };
  if (kind !== "BGPConfiguration") return schema;
  const own = withFields(schemaOf(nodeConfigurationSpec), notHonoured);
  const name: JsonSchema = { type: "string", pattern: "^node\\." };
  const metadata: JsonSchema = { type: "object", properties: { name } };
  const ofNode: JsonSchema = { properties: { metadata } };
  return { ...schema, ...implication(ofNode, { properties: { spec: own } }) };
}

/** What fits the one must fit the other. */
function implication(condition: JsonSchema, consequence: JsonSchema): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: the word is JSON Schema's.
  return { if: condition, then: consequence };
}

/** What is written, not what becomes of it; what a function judges is left out. */
function schemaOf(schema: v.GenericSchema): JsonSchema {
  const { $schema, ...rest } = toJsonSchema(schema, {
    typeMode: "input",
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      "message" in valibotSchema && typeof valibotSchema.message === "string"
        ? { ...jsonSchema, description: valibotSchema.message }
        : undefined,
  });
  return rest;
}

/** With Calico's fields that may stand: those that mean nothing, and others with the values that ask for nothing. */
function withFields(spec: JsonSchema, fields: NotHonouredFields): JsonSchema {
  let schema = spec;
  for (const [path, field] of Object.entries(fields)) {
    const [, ...keys] = path.split(".");
    const description = describeNotHonoured(field);
    if (field.noted) schema = withField(schema, keys, { description });
    else if (field.idle.length > 0) {
      const values = field.idle.filter((value) => typeof value !== "object");
      schema = withField(schema, keys, {
        description,
        enum: values as (string | number | boolean)[],
      });
    }
  }
  return schema;
}

function withField(
  schema: JsonSchema,
  [key = "", ...deeper]: string[],
  field: JsonSchema,
): JsonSchema {
  const known = schema.properties?.[key];
  const inner = typeof known === "object" ? known : {};
  const value = deeper.length === 0 ? field : withField(inner, deeper, field);
  return { ...schema, properties: { ...schema.properties, [key]: value } };
}

if (import.meta.main) {
  for (const [file, schema] of Object.entries(jsonSchemas())) {
    writeFileSync(join(FOLDER, file), formatSchema(schema));
  }
}
