import { Inject, Injectable } from '@nestjs/common';
import { nameSchema, realmIn, withoutRealm } from '@syncline/contracts';
import { NODE_CONFIG, type NodeConfig } from '@syncline/http';
import type { NextFunction, Request, Response } from 'express';
import { ERRORS, queueDoesNotExist, SqsError } from './sqs-error.js';

/**
 * Callers name queues as everywhere, without the realm of their tenant. What comes in gets it here, and what goes out loses it; in between
 * names have it.
 *
 * Syncline has no accounts: every queue belongs to this one, whichever a caller names.
 */
export const ACCOUNT = '000000000000';
export const DEFAULT_REGION = 'us-east-1';

export const isFifo = (queue: string): boolean => queue.endsWith('.fifo');

export const arnOf = (queue: string, region: string): string =>
  `arn:aws:sqs:${region}:${ACCOUNT}:${withoutRealm(queue)}`;

/** The name in an ARN; undefined for what is no ARN of a queue. @param realm of the caller */
export function nameInArn(arn: unknown, realm: string): string | undefined {
  const parts = typeof arn === 'string' ? arn.split(':') : [];
  const name = parts.slice(5).join(':');
  const isQueue = parts[0] === 'arn' && parts[2] === 'sqs' && nameSchema.safeParse(name).success;
  return isQueue ? `${realm}${name}` : undefined;
}

/** The queue of an ARN, of the same tenant as another one. */
export const neighbourInArn = (arn: unknown, queue: string): string | undefined =>
  nameInArn(arn, realmIn(queue));

/** The name in the URL of a queue: the last part of its path, whichever address the URL has. @param realm of the caller @throws SqsError */
export function nameInUrl(url: string, realm: string): string {
  const path = /^https?:\/\//.test(url) && URL.canParse(url) ? new URL(url).pathname : url;
  const last = path.split('/').at(-1) ?? '';
  let name: string;
  try {
    name = decodeURIComponent(last);
  } catch {
    throw new SqsError(ERRORS.invalidAddress, `The address ${url} is not valid for this endpoint.`);
  }
  if (!nameSchema.safeParse(name).success) throw queueDoesNotExist();
  return `${realm}${name}`;
}

const OF_AN_ACCOUNT = /^\/\d{12}\//;
const GET_OF_SERVICE = /^\/\?(.*&)?Action=/;

/** Routes a URL with any account to its queue, and a GET that names an action to the service: at its path a node welcomes browsers. */
export function toOwnAccount(request: Request, _response: Response, next: NextFunction): void {
  const { method, url } = request;
  request.url =
    method === 'GET' && GET_OF_SERVICE.test(url)
      ? `/${ACCOUNT}${url.slice(1)}`
      : url.replace(OF_AN_ACCOUNT, `/${ACCOUNT}/`);
  next();
}

/** Tells clients the URLs of queues. */
@Injectable()
export class QueueUrls {
  constructor(@Inject(NODE_CONFIG) private readonly config: Pick<NodeConfig, 'sqsPublicUrl' | 'scheme'>) {}

  /** @param host that the client asked */
  of(queue: string, host: string): string {
    const base = this.config.sqsPublicUrl?.replace(/\/$/, '') ?? `${this.config.scheme}://${host}`;
    return `${base}/${ACCOUNT}/${encodeURIComponent(withoutRealm(queue))}`;
  }
}
