import { readFileSync, writeFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { apiKeysFileSchema, ROLES, type Role } from '@syncline/contracts';
import { NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { z } from 'zod';

interface Media {
  schema?: { $ref?: string; example?: unknown };
  example?: unknown;
  examples?: unknown;
}
interface Schema {
  $ref?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}
interface Parameter {
  name: string;
  description?: string;
  required?: boolean;
  example?: unknown;
  schema?: { example?: unknown; enum?: unknown[] };
}
interface Operation {
  parameters?: Parameter[];
  operationId: string;
  security?: object[];
  summary?: string;
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description?: string; content?: Record<string, Media> }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema & { example?: unknown }>; securitySchemes?: object };
}

const COMMON = [
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /v1/calls',
  'GET /v1/cluster',
  'GET /v1/cluster/owner',
  'GET /v1/node',
];

/** `npm run openapi` sets it to write the documents instead of comparing them. */
const WRITE = process.env.WRITE_OPENAPI === '1';

describe.each(ROLES)('the OpenAPI document of the %s nodes', (role: Role) => {
  const file = `docs/openapi/${role}.json`;
  let document: Document;
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
      })),
    );
  const hasExample = ({ schema, example, examples }: Media) => {
    const component = document.components?.schemas?.[schema?.$ref?.split('/').at(-1) ?? ''];
    return [example, examples, schema?.example, component?.example].some((value) => value !== undefined);
  };

  beforeAll(async () => {
    await using redis = await RedisServer.start();
    const node = await NodeProcess.start(role, { redisUrl: redis.url, nodeId: `${role}_1` });
    document = (await request(node.url).get('/api/doc-json').expect(200)).body;
    await node.stop();
    if (WRITE) writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  });

  it('is the published one (npm run openapi writes it)', () => {
    expect(document).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it('has nothing that a linter of OpenAPI objects to', async () => {
    // Probes and metrics are given nothing that could be wrong; a call stream is answered by 101.
    const off = { 'operation-4xx-response': 'off', 'operation-2xx-response': 'off' } as const;
    const config = await createConfig({ extends: ['recommended'], rules: off });
    const lint = async (source: object) => {
      const found = await lintFromString({
        source: JSON.stringify(source),
        absoluteRef: `/${role}.json`,
        config,
      });
      return found.map(({ message, location }) => `${location[0]?.pointer}: ${message}`);
    };
    expect(await lint(document)).toEqual([]);
    expect(await lint({ ...document, servers: [] })).toEqual([expect.stringContaining('Servers')]);
  });

  it('describes every field and every parameter', () => {
    const silent: string[] = [];
    const look = (name: string, schema: Schema) => {
      for (const [field, inner] of Object.entries(schema.properties ?? {})) {
        if (!inner.description && inner.$ref === undefined) silent.push(`${name}.${field}`);
        look(`${name}.${field}`, inner);
      }
      const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
      for (const inner of schema.items ? [schema.items, ...parts] : parts) look(name, inner);
    };
    for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) look(name, schema);
    for (const { name, operation } of operations()) {
      for (const parameter of operation.parameters ?? []) {
        if (!parameter.description) silent.push(`${name}: ${parameter.name}`);
      }
    }
    expect(silent).toEqual([]);
  });

  it('asks for a key where one is needed', () => {
    expect(document.components?.securitySchemes).toMatchObject({ bearer: { scheme: 'bearer' } });
    for (const { name, operation } of operations()) {
      const isOpen = !name.includes(' /v1/');
      expect([name, operation.security]).toEqual([name, isOpen ? [] : undefined]);
      expect([name, '401' in operation.responses, '403' in operation.responses]).toEqual([
        name,
        !isOpen,
        !isOpen,
      ]);
    }
  });

  it('has the common routes of all nodes', () => {
    expect(operations().map(({ name }) => name)).toEqual(expect.arrayContaining(COMMON));
  });

  it('has a summary and a unique id for each operation', () => {
    const silent = operations().filter(({ operation }) => !operation.summary);
    expect(silent.map(({ name }) => name)).toEqual([]);
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });

  it('has examples for required parameters, but none that would hide results', () => {
    const wrong = operations().flatMap(({ name, operation }) =>
      (operation.parameters ?? []).flatMap(({ name: parameter, required = false, example, schema = {} }) => {
        const filledIn = [example, schema.example, schema.enum].some((value) => value !== undefined);
        if (required && !filledIn) return [`${name}: ${parameter} has no example`];
        return !required && filledIn && schema.enum === undefined
          ? [`${name}: ${parameter} is filled in, though the call goes without it`]
          : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('has only patterns that need no flags', () => {
    const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
      ([, pattern = '""']) => JSON.parse(pattern) as string,
    );
    expect(patterns.length).toBeGreaterThan(0);
    expect(patterns.filter((pattern) => /\\[pP]\{|\\u\{/.test(pattern))).toEqual([]);
    for (const pattern of patterns) new RegExp(pattern);
  });

  it('has an example for every request and response body', () => {
    const without = operations().flatMap(({ name, operation }) => {
      const bodies = [
        ['request', operation.requestBody?.content] as const,
        ...Object.entries(operation.responses).map(
          ([status, response]) => [status, response.content] as const,
        ),
      ];
      return bodies.flatMap(([where, content = {}]) =>
        Object.entries(content)
          .filter(([type, media]) => type.includes('json') && !hasExample(media))
          .map(([type]) => `${name} ${where} ${type}`),
      );
    });
    expect(without).toEqual([]);
  });
});

it('the JSON schema of API_KEYS_FILE is the published one (npm run openapi writes it)', () => {
  const file = 'docs/api-keys.schema.json';
  const schema = z.toJSONSchema(apiKeysFileSchema);
  if (WRITE) writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
  expect(schema).toEqual(JSON.parse(readFileSync(file, 'utf8')));
});
