import { toError } from '../errors.js';
import { jsonOf } from '../json.js';
import { Collector } from '../transport/collector.js';
import type { QueuePort } from './queue-port.js';

/** Most receipts in one request, and most bytes: below the body limit of 1 MiB. */
const MAX_ITEMS = 1_000;
const MAX_BYTES = 900_000;
const BYTES_AROUND = 4;
const NO_RESULT = 'null';

interface OutgoingAck {
  readonly receipt: string;
  /** JSON. */
  readonly result: string;
}

/** Acknowledges the deliveries of one turn of the event loop together. */
export class Acks {
  private readonly collector: Collector<OutgoingAck, 'acked' | 'stale'>;

  constructor(port: QueuePort, queue: string) {
    this.collector = new Collector<OutgoingAck, 'acked' | 'stale'>({
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BYTES,
      run: async (acks) => {
        const receipts = acks.map(({ receipt }) => receipt);
        const hasResults = acks.some(({ result }) => result !== NO_RESULT);
        const { results } = await port.ack(queue, {
          receipts,
          results: hasResults ? acks.map(({ result }) => result) : undefined,
        });
        return results.map((one) => ('problem' in one ? toError(one.status, one.problem) : one.status));
      },
    });
  }

  /** @throws {TypeError} the result is not a JSON value */
  add(receipt: string, result: unknown): Promise<'acked' | 'stale'> {
    const text = result === undefined ? NO_RESULT : jsonOf(result, 'The result of a message');
    return this.collector.add(
      { receipt, result: text },
      receipt.length + Buffer.byteLength(text) + BYTES_AROUND,
    );
  }
}
