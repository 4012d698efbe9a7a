import type { ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type ProblemCode, problemSchema } from '@syncline/contracts';
import { z } from 'zod';
import type { NodeConfig } from '../node/node.config.js';
import { allowPage } from '../request/security-headers.js';
import { problemResponse } from './api-problems.decorator.js';

const TITLES = { lock: 'Syncline lock manager', queue: 'Syncline queue', cache: 'Syncline cache' } as const;

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
): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(TITLES[config.role])
    .setVersion('1')
    .setOpenAPIVersion('3.0.3');
  if (config.requiresKeys) builder.addBearerAuth().addSecurityRequirements('bearer');
  const document = SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (_controller, method) => method,
  });
  addCommonProblems(document);
  return document;
}

/** Adds the problems of every call: see {@link COMMON_PROBLEMS}. */
function addCommonProblems(document: OpenAPIObject): void {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(problemSchema, { target: 'openapi-3.0' });
  document.components ??= {};
  document.components.schemas = Object.assign({}, document.components.schemas, { Problem: schema });
  for (const [path, item] of Object.entries(document.paths)) {
    if (!path.startsWith('/v1/')) continue;
    for (const operation of [item.get, item.put, item.post, item.patch, item.delete]) {
      if (operation === undefined) continue;
      const problems =
        operation.requestBody === undefined ? COMMON_PROBLEMS : [...COMMON_PROBLEMS, TOO_LARGE];
      for (const [status, codes] of problems) {
        operation.responses[status] ??= problemResponse(status, codes, path);
      }
    }
  }
}

/** Serves Swagger UI at `/api/doc` and the document at `/api/doc-json`. The document is generated on first use. */
export function serveApiDocument(app: INestApplication, config: NodeConfig): void {
  app.use('/api/doc', (_request: unknown, response: ServerResponse, next: () => void) => {
    allowPage(response);
    next();
  });
  SwaggerModule.setup('api/doc', app, () => apiDocument(app, config), {
    customSiteTitle: `${TITLES[config.role]} (${config.nodeId})`,
  });
}
