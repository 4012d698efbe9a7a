import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NodeConfig } from './node.config.js';

const TITLES = { lock: 'Syncline lock manager', queue: 'Syncline queue', cache: 'Syncline cache' } as const;

/** The OpenAPI document of an app, drawn from its decorators and schemas. */
export function apiDocument(
  app: INestApplication,
  config: Pick<NodeConfig, 'role' | 'apiKeys'>,
): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(TITLES[config.role])
    .setVersion('1')
    .setOpenAPIVersion('3.0.3');
  if (config.apiKeys.length > 0) builder.addBearerAuth().addSecurityRequirements('bearer');
  return SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (_controller, method) => method,
  });
}

/** Serves Swagger UI at `/api/doc` and the document at `/api/doc-json`. The document is drawn when first asked for. */
export function serveApiDocument(app: INestApplication, config: NodeConfig): void {
  SwaggerModule.setup('api/doc', app, () => apiDocument(app, config), {
    customSiteTitle: `${TITLES[config.role]} (${config.nodeId})`,
  });
}
