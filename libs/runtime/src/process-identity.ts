import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** Tells this process from all others, also from an earlier one with the same node id. */
@Injectable()
export class ProcessIdentity {
  /** 12 characters, URL-safe: it stands in keys of Redis. */
  readonly id = randomBytes(9).toString('base64url');
}
