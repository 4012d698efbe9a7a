import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type Action, Problem } from '@syncline/contracts';
import type { z } from 'zod';
import type { Usage } from '../limits/key-usage.js';
import { toOutside } from '../tenants/realm.js';
import type { PageOf, PagePart, PageQuery } from './names.js';
import type { Rights } from './rights.js';

const CALLER = Symbol('caller');

/** The key of a caller. */
export interface CallerKey {
  /** Null on a node without keys. */
  readonly name: string | null;
  readonly tenant: string | null;
  /** Of all names that the caller has: see {@link realmOf}. */
  readonly realm: string;
  /** What the key uses of this node. */
  readonly usage: Usage;
}

/** Who makes a call, and what it may do. */
export class Caller {
  readonly name: string | null;
  readonly tenant: string | null;
  readonly realm: string;
  readonly usage: Usage;

  /** @param getRights its rights now: they end when the key expires or is taken out of the file */
  constructor(
    key: CallerKey,
    private readonly getRights: () => Rights,
  ) {
    this.name = key.name;
    this.tenant = key.tenant;
    this.realm = key.realm;
    this.usage = key.usage;
  }

  may(action: Action, name: string): boolean {
    return this.getRights().namesFor(action).has(name);
  }

  /** Whether it may do this to any name. */
  mayToSome(action: Action): boolean {
    return !this.getRights().namesFor(action).isEmpty;
  }

  /** @throws Problem `forbidden` for the first name to which it may not do this */
  require(action: Action, names: readonly string[]): void {
    for (const name of names) if (!this.may(action, name)) throw this.refusal(action, name);
  }

  /** @throws Problem `forbidden` when it may not do this to all names there are */
  requireForAll(action: Action, instead: string): void {
    if (this.getRights().namesFor(action).isAll) return;
    throw new Problem('forbidden', `${this.description} may not ${action} on all names. ${instead}`);
  }

  refusal(action: Action, name?: string): Problem {
    const where = name === undefined ? 'any name here' : name.slice(0, 256);
    return new Problem(
      'forbidden',
      `${this.description} may not ${action} on ${where}: none of its grants has this action for it.`,
    );
  }

  /** Whether a name may be told to it: one that any of its grants has. */
  knows(name: string): boolean {
    return this.getRights().known.has(name);
  }

  /** A problem without the names that it does not know. */
  told(problem: Problem): Problem {
    return problem.shownTo((name) => this.knows(name));
  }

  /** What an engine says of something, with the names that the caller has. Answers are told so already; this is for events. */
  shown<Value>(schema: z.core.$ZodType, value: Value): Value {
    return this.realm === '' ? value : (toOutside(schema, value, this.realm) as Value);
  }

  /** A page of a list, with the names alone that it may read: see {@link Names.page}. */
  page<Field extends string, Item extends { readonly name: string }>(
    field: Field,
    query: PageQuery,
    list: (part: PagePart) => Promise<PageOf<Field, Item>>,
  ): Promise<PageOf<Field, Item>> {
    return this.getRights().namesFor('read').page(field, query, list);
  }

  private get description(): string {
    return `The API key ${this.name}`;
  }
}

interface Asked {
  [CALLER]?: Caller;
}

/** The caller of a request or of a call of a stream; undefined before its key was checked, or when it has none. */
export const callerOf = (request: object): Caller | undefined => (request as Asked)[CALLER];

export function setCaller(request: object, caller: Caller): void {
  (request as Asked)[CALLER] = caller;
}

/** Handler parameter: the {@link Caller}, for handlers that judge names themselves. */
export const CalledBy = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const caller = callerOf(context.switchToHttp().getRequest());
  if (caller === undefined) throw new Error('The access guard has not run.');
  return caller;
});
