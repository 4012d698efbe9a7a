import type { SqsError } from '../sqs-error.js';

/** The parameters of an action, or what it answers, by their names. */
export type Members = Readonly<Record<string, unknown>>;

/** One of the two protocols: how an answer is written. */
export interface Wire {
  readonly contentType: string;
  result(action: string, output: Members, requestId: string): string;
  error(error: SqsError, requestId: string): string;
}

/** What a request asks for, in whichever protocol. */
export interface AskedAction {
  readonly action: string;
  readonly members: Members;
  readonly wire: Wire;
}
