import { toError } from '../errors.js';
import { jsonOf } from '../json.js';
import { Collector } from '../transport/collector.js';
import type { OutgoingChained, QueuePort } from './queue-port.js';

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

type Status = 'acked' | 'stale';

/** Acknowledges the deliveries of one turn of the event loop together. */
export class Acks {
  private readonly collector = new Collector<OutgoingAck, Status>({
    maxItems: MAX_ITEMS,
    maxBytes: MAX_BYTES,
    run: (acks) => this.post(acks),
  });

  constructor(
    private readonly port: QueuePort,
    private readonly queue: string,
  ) {}

  /**
   * @param chain messages that are sent with it; then it is a request of its own
   * @throws {TypeError} the result is not a JSON value
   */
  async add(receipt: string, result: unknown, chain: readonly OutgoingChained[]): Promise<Status> {
    const text = result === undefined ? NO_RESULT : jsonOf(result, 'The result of a message');
    const ack = { receipt, result: text };
    if (chain.length === 0) {
      return this.collector.add(ack, receipt.length + Buffer.byteLength(text) + BYTES_AROUND);
    }
    const [outcome] = await this.post([ack], chain);
    if (outcome instanceof Error) throw outcome;
    return outcome as Status;
  }

  private async post(acks: readonly OutgoingAck[], send?: readonly OutgoingChained[]) {
    const receipts = acks.map(({ receipt }) => receipt);
    const hasResults = acks.some(({ result }) => result !== NO_RESULT);
    const { results } = await this.port.ack(this.queue, {
      receipts,
      results: hasResults ? acks.map(({ result }) => result) : undefined,
      send,
    });
    return results.map((one) => ('problem' in one ? toError(one.status, one.problem) : one.status));
  }
}
