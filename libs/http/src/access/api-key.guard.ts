import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/internal';
import { Reflector } from '@nestjs/core';
import { Problem } from '@syncline/contracts';
import type { Request } from 'express';
import { ApiKeys, type Right } from './api-keys.js';

const RANK: Record<Right, number> = { read: 0, write: 1, admin: 2 };
const OPEN = 'syncline:open';
const REQUIRED_RIGHT = 'syncline:required-right';

/** Handlers, or all those of a controller, that answer without an API key. Everything else is closed. */
export const Open = () => SetMetadata(OPEN, true);

/** The right that a route needs. Without it: `read` for what only reads (GET), `write` for the rest. */
export const Requires = (right: Right) => SetMetadata(REQUIRED_RIGHT, right);

/**
 * Lets a call pass when its API key allows it. What is called is told by the handler that was found, never by how the
 * path was spelt.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeys,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (!this.keys.required || context.getType() !== 'http') return true;
    const handler = context.getHandler();
    if (this.reflector.getAllAndOverride<boolean | undefined>(OPEN, [handler, context.getClass()]))
      return true;

    const request: Request = context.switchToHttp().getRequest();
    const key = this.keys.shownBy(request.headers);
    const reads = this.reflector.get(METHOD_METADATA, handler) === RequestMethod.GET;
    const required =
      this.reflector.get<Right | undefined>(REQUIRED_RIGHT, handler) ?? (reads ? 'read' : 'write');
    if (RANK[key.right] < RANK[required]) {
      throw new Problem(
        'forbidden',
        `The API key ${key.name} has the right ${key.right}; this call needs ${required}.`,
      );
    }
    return true;
  }
}
