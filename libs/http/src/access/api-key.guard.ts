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

/** Marks a handler, or all handlers of a controller, that need no API key. All others need one. */
export const Open = () => SetMetadata(OPEN, true);

/** The right that a route needs. Default: `read` for GET, `write` for all other methods. */
export const Requires = (right: Right) => SetMetadata(REQUIRED_RIGHT, right);

/**
 * Checks that the API key of a call has the right that the handler needs. It looks at the handler that the router found,
 * never at the spelling of the path.
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
    const key = this.keys.keyOf(request.headers);
    const reads = this.reflector.get(METHOD_METADATA, handler) === RequestMethod.GET;
    const required =
      this.reflector.get<Right | undefined>(REQUIRED_RIGHT, handler) ?? (reads ? 'read' : 'write');
    if (RANK[key.right] < RANK[required]) {
      throw new Problem(
        'forbidden',
        `The API key ${key.name} has the right ${key.right}, but this call needs ${required}.`,
      );
    }
    return true;
  }
}
