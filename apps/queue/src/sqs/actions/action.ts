import type { Action as Deed } from '@syncline/contracts';
import type { DisconnectSignal } from '@syncline/runtime';
import type { Signer } from '../signature/signers.js';
import type { Fields } from '../wire/fields.js';
import type { Members } from '../wire/wire.js';

/** One call of an action. */
export interface ActionCall extends Signer {
  /** What it is about; empty for actions that concern no queue, or name it otherwise. */
  readonly queue: string;
  readonly fields: Fields;
  /** That the client asked, for the URLs in the answer. */
  readonly host: string;
  readonly disconnect: DisconnectSignal;
  /** Takes a place among the requests that wait. @throws Problem `rate-limited` */
  readonly park: () => void;
}

/** What one action does. */
export interface SqsAction {
  /** What a caller needs a grant of, for the queue that the call names. */
  readonly deed: Deed;
  /** How a call names its queue: by its URL, or so that the action itself judges the caller. */
  readonly names: 'queue' | 'otherwise';
  /** @throws SqsError, Problem */
  run(call: ActionCall): Promise<Members>;
}

export type SqsActions = Readonly<Record<string, SqsAction>>;

/** The answer of an action that tells nothing. */
export const NOTHING: Members = {};
