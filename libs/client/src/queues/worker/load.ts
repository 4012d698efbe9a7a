/** What a worker does at the moment, over all its queues. */
export class Load {
  /** Runs whose handlers have not all ended. Each takes one of the places of `concurrency`. */
  open = 0;
  /** Running handlers. */
  handlers = 0;
  /** Acks and nacks in flight. */
  answering = 0;

  /** @param ended called when one of them has ended */
  constructor(readonly ended: () => void) {}

  get isNone(): boolean {
    return this.open === 0 && this.handlers === 0 && this.answering === 0;
  }
}
