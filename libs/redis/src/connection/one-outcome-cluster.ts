import { Cluster } from 'ioredis';
import { NOT_SENT } from './not-sent.js';

/** Options by which a Cluster sends nothing again whose outcome is unknown. */
export const NO_RESENDS = { retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 };

type Sent = Parameters<Cluster['sendCommand']>;

/**
 * A Redis Cluster on which no command is sent twice, and no name exists in two places.
 *
 * - `MOVED` proves that nothing ran: it is followed, and the slots are looked up again.
 * - `ASK` and `TRYAGAIN` say that a slot is on its way to another primary. They are failures: what followed them would
 *   make a second copy of names whose keys are still at the old place.
 * - A connection that broke may have carried the command to its effect.
 */
export class OneOutcomeCluster extends Cluster {
  /**
   * While the Cluster is away nothing waits in it: its callers know for how long they may. What a single primary is to be
   * sent waits for the connection to it, which is made or given up within the time-outs of any connection.
   */
  override sendCommand(...[command, stream, node]: Sent): unknown {
    if (this.status === 'ready' || command.name === 'cluster')
      return super.sendCommand(command, stream, node);
    command.reject(new Error(NOT_SENT));
    return command.promise;
  }

  override handleError(error: Error, ttl: { value?: unknown }, handlers: { defaults: () => void }): void {
    if (/^(ASK|TRYAGAIN)\b/.test(error.message)) handlers.defaults();
    else super.handleError(error, ttl, handlers);
  }
}
