import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import type { Request } from 'express';
import type { Call } from '../calls/call.js';
import { enterRealm } from '../tenants/realm.js';
import { setDeeds } from '../trail/trail.js';
import { ApiKeys } from './api-keys.js';
import { setCaller } from './caller.js';
import { accessOf } from './does.decorator.js';

/**
 * Judges a call by what its handler does and to which names in the path. It looks at the handler that the router found,
 * never at the spelling of the path. Runs before the body is read.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly keys: ApiKeys) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const access = accessOf(context.getHandler(), context.getClass());
    if (access === 'open') return true;
    const request: Request | Call = context.switchToHttp().getRequest();
    // The trail tells of it, also when the call is refused.
    setDeeds(request, access ?? []);
    const caller = this.keys.callerOf(request);
    setCaller(request, caller);
    if (caller.realm !== '') enterRealm(request, context.getHandler(), caller.realm);
    caller.usage.countRequest();
    if (access === undefined) {
      throw new Problem('forbidden', 'This node has no rule who may call this route, so nobody may.');
    }
    for (const { action, to } of access) {
      if (!caller.mayToSome(action)) throw caller.refusal(action);
      if (to.startsWith(':')) caller.require(action, [`${caller.realm}${request.params[to.slice(1)]}`]);
    }
    return true;
  }
}
