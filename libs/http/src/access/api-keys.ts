import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import { type ApiKey, NODE_CONFIG, type NodeConfig } from '../node/node.config.js';

export type Right = ApiKey['right'];

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The API keys of this node. Without any key, every caller may do everything. */
@Injectable()
export class ApiKeys {
  private readonly known: readonly { digest: Buffer; name: string; right: Right }[];

  constructor(@Inject(NODE_CONFIG) config: NodeConfig) {
    this.known = config.apiKeys.map(({ secret, name, right }) => ({ digest: digest(secret), name, right }));
  }

  /** Whether callers need a key. */
  get required(): boolean {
    return this.known.length > 0;
  }

  /**
   * The key of a request, from `Authorization: Bearer SECRET` or `X-Api-Key: SECRET`.
   *
   * @throws Problem `unauthenticated` when the request has no known key
   */
  keyOf(headers: IncomingHttpHeaders): { readonly name: string; readonly right: Right } {
    const given = digest(secretIn(headers));
    const key = this.known.find((candidate) => timingSafeEqual(candidate.digest, given));
    if (key === undefined) {
      throw new Problem(
        'unauthenticated',
        'Send a valid API key as "Authorization: Bearer SECRET" or "X-Api-Key: SECRET".',
      );
    }
    return key;
  }
}

function secretIn(headers: IncomingHttpHeaders): string {
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  return bearer ?? headers['x-api-key']?.toString() ?? '';
}
