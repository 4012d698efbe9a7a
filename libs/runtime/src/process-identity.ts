import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** The identity of this process. A restarted process with the same node id has a different one. */
@Injectable()
export class ProcessIdentity {
  /** 12 URL-safe characters, usable in Redis keys. */
  readonly id = randomBytes(9).toString('base64url');
}
