import type { ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type ProblemCode, problemSchema } from '@syncline/contracts';
import { z } from 'zod';
import type { NodeConfig } from '../node/node.config.js';
import { allowPage } from '../request/security-headers.js';
import { problemResponse } from './api-problems.decorator.js';

/** JSON Schema, as each version of OpenAPI has it. */
const DIALECTS = { '3.0.3': 'openapi-3.0', '3.1.0': 'draft-2020-12' } as const;
type OpenApiVersion = keyof typeof DIALECTS;
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** Groups of operations, in the order of use. */
const OF_ALL = {
  cluster: 'The nodes of this role, and all that happens to its names',
  node: 'This node: health, metrics, call streams, and the trail of what operators did',
};
const ABOUT = {
  lock: {
    title: 'Syncline lock manager',
    description:
      'Locks, shared locks and semaphores over the cluster, with fencing tokens. Any node answers for every name.',
    tags: {
      locks: 'Take a name for a time, alone, shared, or several at once',
      semaphores: 'A number of permits under one name',
      sessions: 'Many leases that live as long as their holder says that it lives',
      waiting: 'Who waits for whom, and the deadlocks that were found',
      ...OF_ALL,
    },
  },
  queue: {
    title: 'Syncline queue',
    description:
      'Queues whose messages are handed out until they are acknowledged. Any node sends to and receives from every queue.',
    tags: {
      messages: 'Send, receive, answer; look one up, cancel it, ask why it is not delivered',
      queues: 'Configuration, counts, pause, purge',
      schedules: 'Messages by the clock, one for each occurrence',
      ...OF_ALL,
    },
  },
  cache: {
    title: 'Syncline cache',
    description:
      'Caches with a near cache in every node. With strict coherence a read through any node sees every write that was answered.',
    tags: {
      entries: 'Read, store, and compute a value once for all who ask for it',
      caches: 'Configuration, counts, many entries at once, invalidation',
      ...OF_ALL,
    },
  },
} as const;

/** What every call may be answered with: an invalid one, one without a right, one too many, or none that the node can serve now. */
const COMMON_PROBLEMS: readonly (readonly [status: number, codes: readonly ProblemCode[]])[] = [
  [400, ['validation-failed']],
  [401, ['unauthenticated']],
  [403, ['forbidden']],
  [429, ['rate-limited']],
  [503, ['store-unavailable', 'shutting-down']],
];

const TOO_LARGE = [413, ['payload-too-large']] as const;

/** The OpenAPI document of an app, generated from its decorators and schemas. */
function apiDocument(
  app: INestApplication,
  config: Pick<NodeConfig, 'role' | 'requiresKeys'>,
  version: OpenApiVersion,
): OpenAPIObject {
  const { title, description, tags } = ABOUT[config.role];
  const builder = new DocumentBuilder()
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .setOpenAPIVersion(version)
    .addServer('/', 'The node that serves this document')
    .addSecurity('bearer', {
      type: 'http',
      scheme: 'bearer',
      description: 'The secret of an API key. A node that was started without keys asks for none.',
    });
  if (!config.requiresKeys) builder.addSecurityRequirements({});
  builder.addSecurityRequirements('bearer');
  for (const [tag, about] of Object.entries(tags)) builder.addTag(tag, about);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (_controller, method) => method,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? jsonSchemaOf(schema, version, schemaType) : undefined,
  });
  document.components ??= {};
  document.components.schemas = {
    ...document.components.schemas,
    Problem: jsonSchemaOf(problemSchema, version).schema,
  };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of [item.get, item.put, item.post, item.patch, item.delete]) {
      if (operation === undefined) continue;
      if (path.startsWith('/v1/')) addCommonProblems(operation, path);
      else operation.security = [];
    }
  }
  return document;
}

/** Nest itself would write the schemas of 3.0 into any document. */
function jsonSchemaOf(schema: z.ZodType, version: OpenApiVersion, io: 'input' | 'output' = 'output') {
  const { $schema, $defs, definitions, ...rest } = z.toJSONSchema(schema, { io, target: DIALECTS[version] });
  return { schema: rest as Schema, components: ($defs ?? definitions ?? {}) as Record<string, Schema> };
}

/** Adds the problems of every call: see {@link COMMON_PROBLEMS}. */
function addCommonProblems(operation: Operation, path: string): void {
  const problems = operation.requestBody === undefined ? COMMON_PROBLEMS : [...COMMON_PROBLEMS, TOO_LARGE];
  for (const [status, codes] of problems) {
    const { status: _key, ...response } = problemResponse(status, codes, path);
    operation.responses[status] ??= response;
  }
}

/**
 * Serves Swagger UI at `/api/doc` and the document at `/api/doc-json`, both generated on first use. The page has the document of
 * OpenAPI 3.0: Swagger UI resolves one of 3.1 anew at each click, which takes three to four times as long.
 */
export function serveApiDocument(app: INestApplication, config: NodeConfig): void {
  app.use('/api/doc', (_request: unknown, response: ServerResponse, next: () => void) => {
    allowPage(response);
    next();
  });
  SwaggerModule.setup('api/doc', app, () => apiDocument(app, config, '3.1.0'), { ui: false });
  SwaggerModule.setup('api/doc', app, () => apiDocument(app, config, '3.0.3'), {
    raw: false,
    customSiteTitle: `${ABOUT[config.role].title} (${config.nodeId})`,
    swaggerOptions: { persistAuthorization: true },
  });
}
