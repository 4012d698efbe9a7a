import { SetMetadata } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { Action } from '@syncline/contracts';
import { problemResponse } from '../document/api-problems.decorator.js';

const OPEN = 'syncline:open';
const DEEDS = 'syncline:deeds';

/** One thing that a handler does. */
export interface Deed {
  readonly action: Action;
  readonly to: Target;
}

/**
 * To which names a handler does it: `:name`, the one in this parameter of the path; {@link JUDGED_BY_HANDLER}; or
 * {@link NO_NAME}.
 */
export type Target = `:${string}` | typeof JUDGED_BY_HANDLER | typeof NO_NAME;

/**
 * The names stand in the body, or are found: the handler takes the caller ({@link CalledBy}) and asks it for every name. The
 * action must be allowed on some name, or the body is not read.
 */
export const JUDGED_BY_HANDLER = 'judged by the handler';
/** It concerns no name: the action must be allowed on some name. */
export const NO_NAME = 'no name';

/**
 * Says what a handler does and to which names, so that only callers with a grant of it come in. A handler that does several
 * things has several. Every handler needs one, or {@link Open}, or {@link AnyKey}: others are refused.
 */
export function Does(action: Action, to: Target): MethodDecorator {
  return (target, name, descriptor: PropertyDescriptor) => {
    const others: readonly Deed[] = Reflect.getMetadata(DEEDS, descriptor.value) ?? [];
    const deeds: readonly Deed[] = [{ action, to }, ...others];
    SetMetadata(DEEDS, deeds)(target, name, descriptor);
    ApiResponse(refusalOf(deeds))(target, name, descriptor);
  };
}

/** What the OpenAPI document says of it. */
function refusalOf(deeds: readonly Deed[]) {
  const actions = deeds.map(({ action }) => `\`${action}\``).join(' and ');
  return {
    ...problemResponse(403, ['forbidden'], '/v1/...'),
    description: `\`forbidden\`: the API key has no grant of ${actions} for the name, or the request came from a page of another site`,
  };
}

/** The handler does nothing: any key will do. */
export const AnyKey = () => SetMetadata(DEEDS, []);

/** Marks a handler, or all handlers of a controller, that need no API key. */
export const Open = () => SetMetadata(OPEN, true);

/** What a handler said about itself; undefined: nothing. */
export function accessOf(handler: object, controller: object): 'open' | readonly Deed[] | undefined {
  if (Reflect.getMetadata(OPEN, handler) ?? Reflect.getMetadata(OPEN, controller)) return 'open';
  return Reflect.getMetadata(DEEDS, handler);
}
