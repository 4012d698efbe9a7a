import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem } from '@syncline/contracts';
import type { Request } from 'express';
import { type ApiKey, NODE_CONFIG, type NodeConfig } from './node.config.js';

type Right = ApiKey['right'];
const RANK: Record<Right, number> = { read: 0, write: 1, admin: 2 };
const REQUIRED_RIGHT = 'syncline:required-right';

/** The right that a route needs. Without it: `read` for GET, `write` for the rest. */
export const Requires = (right: Right) => SetMetadata(REQUIRED_RIGHT, right);

const digest = (text: string) => createHash('sha256').update(text).digest();

/**
 * Lets a call pass when its API key allows it: `Authorization: Bearer SECRET` or `X-Api-Key: SECRET`. Health and
 * metrics are open. Without configured keys it lets everything pass.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  private readonly keys: readonly { digest: Buffer; name: string; right: Right }[];

  constructor(
    @Inject(NODE_CONFIG) config: NodeConfig,
    private readonly reflector: Reflector,
  ) {
    this.keys = config.apiKeys.map(({ secret, name, right }) => ({ digest: digest(secret), name, right }));
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.keys.length === 0 || context.getType() !== 'http') return true;
    const request: Request = context.switchToHttp().getRequest();
    if (!request.path.startsWith('/v1/')) return true;

    const given = digest(secretOf(request));
    const key = this.keys.find((candidate) => timingSafeEqual(candidate.digest, given));
    if (key === undefined) {
      throw new Problem(
        'unauthenticated',
        'Send a valid API key as "Authorization: Bearer SECRET" or "X-Api-Key: SECRET".',
      );
    }
    const required =
      this.reflector.get<Right | undefined>(REQUIRED_RIGHT, context.getHandler()) ??
      (request.method === 'GET' ? 'read' : 'write');
    if (RANK[key.right] < RANK[required]) {
      throw new Problem(
        'forbidden',
        `The API key ${key.name} has the right ${key.right}; this call needs ${required}.`,
      );
    }
    return true;
  }
}

function secretOf(request: Request): string {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? request.get('x-api-key') ?? '';
}
