import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { accessOf } from '../access/does.decorator.js';
import { setDeeds } from './trail.js';

/** The first guard: notes what the handler does, so that the trail can tell it, also when another guard refuses the call. */
@Injectable()
export class TrailGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const access = accessOf(context.getHandler(), context.getClass());
    if (context.getType() === 'http' && access !== undefined && access !== 'open') {
      setDeeds(context.switchToHttp().getRequest(), access);
    }
    return true;
  }
}
